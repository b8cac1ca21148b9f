import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import type { Accounting } from '../accounting.ts'
import { answer, named, responses } from '../schemas.ts'

const count = (description?: string) =>
  Type.Integer({ minimum: 0, ...(description === undefined ? {} : { description }) })
const range = Type.Array(Type.Integer(), { minItems: 2, maxItems: 2 })
const standing = named(
  'AccountingPart',
  Type.Object({
    persisted: count(),
    rejected: count(),
    discarded: count(),
    parked: count(),
    in_flight: count('Replayed, and not yet ended.'),
  }),
  {
    description:
      'uncached: those of all these that were accepted without the cache, bulks among them. earlier: not counted in these, accepted in epochs before.',
  },
)
const none = { persisted: 0, rejected: 0, discarded: 0, parked: 0, in_flight: 0 }
const example: Accounting = {
  since: '2026-01-31T09:30:00.125Z',
  epoch: 'mk1zq3d1p-0a4f',
  exact: true,
  accepted: 1_208,
  persisted: 1_200,
  rejected: 5,
  discarded: 1,
  parked: 2,
  in_flight: 0,
  difference: 0,
  bulk_persisted: 10,
  bounds: null,
  uncached: { ...none, persisted: 10, rejected: 5 },
  earlier: none,
}
const accounting = named(
  'Accounting',
  Type.Object({
    since: Type.String({ format: 'date-time', description: 'Since when what the cache accepted is counted.' }),
    epoch: Type.String({ description: 'The epoch of the cache that began then.' }),
    exact: Type.Boolean({ description: 'Nothing was in flight, and two looks in a row agree.' }),
    accepted: count('Versions accepted: into the cache since then, and without it.'),
    persisted: count('Committed in the database, superseded ones included.'),
    rejected: count('Members of bulks that were rolled back.'),
    discarded: count('Given up by an operator.'),
    parked: count('Set aside, waiting for an operator. A bulk is one.'),
    in_flight: count('Dirty, or replayed and not yet ended.'),
    difference: Type.Integer({ description: 'Accepted, and none of the others. 0, when exact.' }),
    bulk_persisted: count('Those of the persisted ones that came in bulks.'),
    bounds: Type.Union([Type.Object({ accepted: range, in_flight: range, difference: range }), Type.Null()], {
      description: 'Unless exact: the least and the most that each may be.',
    }),
    uncached: standing,
    earlier: standing,
  }),
  { examples: [example] },
)

/** Whether all that was accepted is accounted for. */
export function accountingRoutes(
  app: FastifyInstance,
  { accounting: ask }: { accounting(): Promise<Accounting> },
): void {
  const schema = {
    operationId: 'getAccounting',
    summary: 'Account for every version that was accepted',
    description: 'accepted = persisted + rejected + discarded + parked + in_flight + difference, in distinct versions.',
    tags: ['admin'],
    security: [{ admin: [] }],
    response: responses({ 200: answer('The accounting', accounting) }, 401, 503),
  }
  app.get('/api/admin/accounting', { schema }, () => ask())
}
