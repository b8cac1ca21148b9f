import { orderBodies } from './orders.ts'

/** Random numbers from 0 to 1 that are the same in every run (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const colours =
  'RED BLUE GREEN PINK WHITE IVORY BLACK SILVER GOLD GREY YELLOW ORANGE PURPLE TURQUOISE MINT CREAM'.split(' ')
const sizes = ['SMALL', 'LARGE', 'MINI', 'JUMBO', 'SET OF 2', 'SET OF 3', 'SET OF 6', 'PACK OF 12', 'SET/4', '20CM', '35CM'] // biome-ignore format: one line
const syllables = 'VAL TER MIR BEL LOR SAN KES TON DAR WIN FLO REN GAR LAN PER RIV MON CLA'.split(' ')
const isColour = new RegExp(`\\b(${colours.join('|')})\\b`)

/**
 * Product names as a shop has them, so many different ones: those of real orders, in other colours and sizes, under names of makers.
 * The same in every run.
 */
export function productNames(count: number): string[] {
  const random = seeded(541_909)
  const pick = <T>(from: T[]): T => from[Math.floor(random() * from.length)] as T
  const real = orderBodies().map((body) => (JSON.parse(body) as { product_name: string }).product_name)
  const names = new Set(real)
  while (names.size < count) {
    let name = pick(real).replace(isColour, () => pick(colours))
    if (random() < 0.5) name = `${pick(syllables)}${pick(syllables)}${random() < 0.3 ? pick(syllables) : ''} ${name}`
    if (random() < 0.5) name = `${name} ${pick(sizes)}`
    names.add(name.slice(0, 80))
  }
  return [...names].slice(0, count)
}

/** So many different names a million orders have; besides, every fiftieth order is engraved with a number of its own. */
const namesMax = 20_000

/**
 * SQL that puts orders straight into the table, and what it is given: those numbered above `from`, up to `to`. Names and customers repeat
 * as they do in shops: few of them often. The same orders in every run.
 */
export function ordersSql(to: number, from = 0): { text: string; values: unknown[] } {
  return {
    text: `WITH name AS (SELECT array_agg(name ORDER BY at) AS all FROM unnest($1::text[]) WITH ORDINALITY AS n(name, at)),
      drawn AS (
        SELECT i, md5('order' || i) AS m, u[1] AS u1, u[2] AS u2, u[3] AS u3, u[4] AS u4,
          timestamptz '2024-01-01' + i * (interval '700 days' / $2::int) AS at
        FROM generate_series($3::int + 1, $2::int) AS i, LATERAL (
          SELECT array_agg(('x' || substr(md5('draw' || i), 1 + 8 * k, 8))::bit(32)::bigint::float8 / 4294967296 ORDER BY k) AS u
          FROM generate_series(0, 3) AS k) AS numbers)
      INSERT INTO orders (id, version, hash, status, product_name, quantity, amount, currency, customer_id, reference, placed_at, created_at, updated_at)
      SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || substr(m, 1, 3) || '8' || substr(m, 4, 15))::uuid,
        1, substr(m, 1, 22),
        CASE WHEN u2 < 0.1 THEN 'placed' WHEN u2 < 0.2 THEN 'confirmed' WHEN u2 < 0.25 THEN 'cancelled' WHEN u2 < 0.35 THEN 'shipped' WHEN u2 < 0.97 THEN 'delivered' ELSE 'returned' END,
        name.all[1 + floor(cardinality(name.all) * u1 ^ 2)::int] || CASE WHEN i % 50 = 0 THEN ' ENGRAVED ' || i ELSE '' END,
        1 + floor(12 * u3 ^ 3)::int, round((0.5 + 60 * u4 ^ 3)::numeric, 2),
        CASE WHEN u3 < 0.9 THEN 'GBP' WHEN u3 < 0.97 THEN 'EUR' ELSE 'USD' END,
        CASE WHEN u4 < 0.75 THEN (12000 + floor(6000 * u2 ^ 2))::int::text END, 'R' || (500000 + i / 8),
        at - u3 * interval '30 days', at, at
      FROM drawn, name`,
    values: [productNames(Math.min(namesMax, Math.max(1_000, to / 50))), to, from],
  }
}
