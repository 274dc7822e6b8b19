/** `nats.credentials`, and logins in `nats.url`, against real nats-servers that let nobody else in. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { nkeys } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SystemRandom } from '../../runtime/random-system.ts'
import { connectTransport } from '../../runtime/transport-nats.ts'
import { startTestNats, type TestNats } from '../support/nats.ts'

const random = new SystemRandom()
const user = nkeys.createUser()
let folder: string
let nats: TestNats

/** As `nsc` writes it. A server that knows the key itself does not look at the JWT. */
const credentialsOf = (key: ReturnType<typeof nkeys.createUser>): string =>
  `-----BEGIN NATS USER JWT-----\nnone\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n${Buffer.from(key.getSeed()).toString()}\n------END USER NKEY SEED------\n`

beforeAll(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'skald-credentials-'))
  nats = await startTestNats({ nkey: user.getPublicKey() })
})

afterAll(async () => {
  await nats.stop()
  rmSync(folder, { recursive: true })
})

describe('credentials', () => {
  const connect = (credentials?: string) => connectTransport({ servers: nats.url, name: 'test', random, ...(credentials === undefined ? {} : { credentials }) })

  it('opens a connection with those of the file', async () => {
    const file = path.join(folder, 'user.creds')
    writeFileSync(file, credentialsOf(user))
    const transport = await connect(file)
    expect(transport.status()).toBe('connected')
    await transport.close()
  })

  it('is refused with those of somebody else, and without any', async () => {
    const file = path.join(folder, 'other.creds')
    writeFileSync(file, credentialsOf(nkeys.createUser()))
    await expect(connect(file)).rejects.toThrow(/authorization/i)
    await expect(connect()).rejects.toThrow(/authorization/i)
  })

  it('names the setting when the file is not there', async () => {
    await expect(connect(path.join(folder, 'none.creds'))).rejects.toMatchObject({ code: 'setup', message: expect.stringContaining('nats.credentials') as string })
  })
})

describe('a login in the address', () => {
  const passwordNats = async (use: (port: number) => Promise<void>): Promise<void> => {
    const server = await startTestNats({ login: { user: 'skald', password: 'rune' } })
    try {
      await use(server.port)
    } finally {
      await server.stop()
    }
  }

  it('opens a connection, also while the server is waited for; a wrong one ends the wait and is not shown', async () => {
    await passwordNats(async (port) => {
      const connect = (login: string) => connectTransport({ servers: `nats://${login}127.0.0.1:${port}`, name: 'test', random, onWait: () => undefined })
      const transport = await connect('skald:rune@')
      expect(transport.status()).toBe('connected')
      await transport.close()
      await expect(connect('')).rejects.toMatchObject({ code: 'setup', message: expect.stringContaining('nats.url may hold a login') as string })
      await expect(connect('skald:secret@')).rejects.not.toThrow(/secret/)
    })
  })

  it('goes nowhere unencrypted that is to be encrypted', async () => {
    await passwordNats(async (port) => {
      await expect(connectTransport({ servers: `tls://skald:rune@127.0.0.1:${port}`, name: 'test', random })).rejects.toThrow(/tls/)
    })
  })
})
