import { Invalid, orders, readCreate, readPatch, type StoredRecord } from './index.ts'

/** When the records of these tests are accepted. */
export const now = '2026-01-31T09:30:00.000Z'

/** The faults that a body of a POST has, as `pointer: detail`; none if it is accepted. */
export const faultsOfCreate = (body: unknown): string[] => told(() => readCreate(orders, body, now))

/** The faults that a body of a PATCH has on top of `current`. */
export const faultsOfPatch = (body: unknown, current: StoredRecord): string[] =>
  told(() => readPatch(orders, body, current))

/** What POST would accept, with these members on top. */
export const body = (members: Record<string, unknown> = {}): Record<string, unknown> => ({
  product_name: 'Tea',
  amount: 1,
  ...members,
})

/** An order as it stands. */
export const standing = (members: Record<string, string | number | null> = {}): StoredRecord => ({
  id: '0199a8f0-0000-7000-8000-000000000001',
  version: 1,
  status: 'placed',
  ...readCreate(orders, { product_name: 'Tea', amount: 12.5, customer_id: '17850' }, now),
  created_at: now,
  updated_at: now,
  ...members,
})

function told(read: () => unknown): string[] {
  try {
    read()
    return []
  } catch (thrown) {
    if (!(thrown instanceof Invalid)) throw thrown
    return thrown.faults.map(({ pointer, detail }) => `${pointer}: ${detail}`)
  }
}
