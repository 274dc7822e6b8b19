/** What of a catalog head goes to pages, so that no value outgrows a message. */
import { describe, expect, it } from 'vitest'
import { SeededRandom } from '../../runtime/random-seeded.ts'
import { decodeHead, decodePage } from '../../storage/catalog-codec.ts'
import { splitHead } from '../../storage/catalog-pages.ts'
import { CATALOG_TENANTS_MAX } from '../../storage/segment-format.ts'
import { segment } from '../conformance/catalog.ts'

/** What a NATS server takes in a message unless it is told otherwise. */
const MESSAGE_BYTES_MAX = 1024 * 1024

describe('splitting a head', () => {
  it('keeps every value below a message, also where few segments have many long tenant names', () => {
    const random = new SeededRandom(5)
    const tenants = (): string[] => Array.from({ length: CATALOG_TENANTS_MAX }, () => random.hex(64))
    const segments = Array.from({ length: 400 }, (_, i) => ({ ...segment(3, i + 1, i + 1), tenants: tenants() }))
    const { value, pages } = splitHead({ epoch: 1, checkpoint: 400, pages: [], segments })
    for (const bytes of [value, ...pages.map((page) => page.value)]) expect(bytes.length).toBeLessThan(MESSAGE_BYTES_MAX)
    const head = decodeHead('p.3', 3, value)
    expect(head.pages).toEqual(pages.map(({ name }) => name))
    expect([...pages.flatMap((page) => decodePage('p.3.page', 3, page.value)), ...head.segments]).toEqual(segments)
  })
})
