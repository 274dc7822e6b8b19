import { describe, expect, it } from 'vitest'
import { AppliedIds } from '../../../actors/partition/applied-ids.ts'
import type { TenantId } from '../../../protocols/model.ts'

const id = (tenant: string, name: string) => ({ tenant: tenant as TenantId, id: name, sequence: 1 })

describe('AppliedIds (W1: a retried push is stored once)', () => {
  it('takes an id once a tenant', () => {
    const ids = new AppliedIds()
    expect(ids.add(id('a', 'x'))).toBe(true)
    expect(ids.add(id('a', 'x'))).toBe(false)
    expect(ids.add(id('b', 'x'))).toBe(true)
    expect(ids.add(id('', 'x'))).toBe(true)
  })

  it('forgets the oldest over its bound', () => {
    const ids = new AppliedIds(3)
    for (const name of ['1', '2', '3', '4']) ids.add(id('a', name))
    expect(ids.size).toBe(3)
    expect(ids.add(id('a', '4'))).toBe(false)
    expect(ids.add(id('a', '1'))).toBe(true)
  })
})
