import type { Session } from './database.ts'

/** What only one process may do at a time. Clock and order are those of Postgres. */
export interface Leases {
  /** Takes or prolongs a lease; gives its fencing token, or undefined while somebody else holds it. */
  hold(name: string, ttl_ms: number): Promise<number | undefined>
  /** Lets go of a lease before its time. */
  release(name: string): Promise<void>
}

/** Leases for one holder: a name that no other process has. */
export function createLeases(session: Session, holder: string): Leases {
  return {
    async hold(name, ttl_ms) {
      const [row] = await session.query<{ token: number }>({
        name: 'lease-hold',
        text: `INSERT INTO leases AS l (name, holder, token, expires_at) VALUES ($1, $2, 1, now() + $3 * interval '1 ms')
          ON CONFLICT (name) DO UPDATE SET holder = $2, expires_at = excluded.expires_at,
            token = l.token + CASE WHEN l.holder = $2 AND l.expires_at > now() THEN 0 ELSE 1 END
          WHERE l.holder = $2 OR l.expires_at <= now() RETURNING token`,
        values: [name, holder, ttl_ms],
      })
      return row?.token
    },
    async release(name) {
      await session.query({
        text: 'UPDATE leases SET expires_at = now() WHERE name = $1 AND holder = $2',
        values: [name, holder],
      })
    },
  }
}
