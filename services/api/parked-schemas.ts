import Type from 'typebox'
import { named } from './schemas.ts'

/** What the calls about parked records take and give. */

const id = '01936f5e-8a4c-7d20-9b1e-3f5a6c7d8e9f'
const at = '2026-01-31T09:30:00.125Z'
const codeOf = { pattern: '^[\\w-]{1,40}$' }
const time = Type.String({ format: 'date-time' })
const orNull = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const anyObject = Type.Record(Type.String(), Type.Unknown())
export const parkedState = Type.Enum(['PARKED', 'REPLAYED', 'DISCARDED'], {
  description: 'PARKED: it waits for an operator.',
})

const summaryMembers = {
  n: Type.Integer({ minimum: 1, description: 'Names it in all calls.' }),
  collection: Type.String(),
  id: orNull(Type.String({ format: 'uuid' })),
  version: orNull(Type.Integer({ minimum: 1 })),
  code: Type.String({ description: 'Why, for programs.' }),
  reason: Type.String({ description: 'Why, for people.' }),
  fingerprint: Type.String({ description: 'The same for reasons of one kind.' }),
  attempts: Type.Integer({ minimum: 1, description: 'How often it was parked.' }),
  replays: Type.Integer({ minimum: 0, description: 'How often it was replayed and came back.' }),
  correlation_id: orNull(Type.String()),
  state: parkedState,
  parked_at: time,
  last_parked_at: time,
  ended_at: orNull(time),
}
const exampleSummary = {
  n: 7,
  collection: 'orders',
  id,
  version: 2,
  code: 'conflict',
  reason: 'version 2 was built on nothing, and another version stands',
  fingerprint: 'mKq0f3-2Zx9a',
  attempts: 1,
  replays: 0,
  correlation_id: 'checkout-4711',
  state: 'PARKED',
  parked_at: at,
  last_parked_at: at,
  ended_at: null,
}
const group = named(
  'ParkedGroup',
  Type.Object({
    code: Type.String(),
    fingerprint: Type.String(),
    reason: Type.String({ description: 'Of one of them.' }),
    count: Type.Integer({ minimum: 1 }),
    oldest: time,
  }),
)
const { code, fingerprint, reason } = exampleSummary

/** One page of them, and how they group. */
export const parkedPage = named(
  'ParkedPage',
  Type.Object({
    groups: Type.Array(group, { description: 'All of the filter, the largest first.' }),
    parked: Type.Array(named('ParkedSummary', Type.Object(summaryMembers)), {
      description: 'Newest first; the last n is `before` of the next page.',
    }),
  }),
  { examples: [{ groups: [{ code, fingerprint, reason, count: 1, oldest: at }], parked: [exampleSummary] }] },
)

const exampleRecord = {
  ...exampleSummary,
  hash: 'BMkciLmQUdn8826xdGEfAX',
  type: 'orders.v1',
  headers: { id, version: 2, 'parked-code': 'conflict' },
  properties: { messageId: `${id}:2`, type: 'orders.v1' },
  body: '{"id":"…"}',
  body_encoding: 'utf-8',
  discards: [],
}
/** One of them, whole. */
export const parkedRecord = named(
  'ParkedRecord',
  Type.Object({
    ...summaryMembers,
    hash: orNull(Type.String()),
    type: orNull(Type.String()),
    headers: anyObject,
    properties: anyObject,
    body: Type.String({ description: 'The bytes that were published, as body_encoding says.' }),
    body_encoding: Type.Enum(['utf-8', 'base64']),
    discards: Type.Array(Type.Object({ by: Type.String(), reason: Type.String(), at: time })),
  }),
  { examples: [exampleRecord] },
)

/** What a dry run found. */
export const parkedDryRun = named(
  'ParkedDryRun',
  Type.Object({
    passes: Type.Boolean({ description: 'Whether it would be persisted now.' }),
    outcome: orNull(Type.String({ description: 'What would become of it.' })),
    code: orNull(Type.String()),
    reason: orNull(Type.String({ description: 'Why it would be parked again.' })),
  }),
  { examples: [{ passes: false, outcome: null, code, reason }] },
)

const force = Type.Optional(
  Type.Boolean({ description: 'Also those that were replayed three times and came back.', default: false }),
)
/** What a replay of one takes. */
export const replayOneInput = named('ParkedReplayOne', Type.Object({ force }, { additionalProperties: false }), {
  examples: [{ force: true }],
})
/** What a replay of several takes. */
export const replayInput = named(
  'ParkedReplayInput',
  Type.Object(
    {
      code: Type.Optional(Type.String({ ...codeOf, description: 'Those of this code.', examples: ['conflict'] })),
      fingerprint: Type.Optional(
        Type.String({ ...codeOf, description: 'Those of this group.', examples: ['mKq0f3-2Zx9a'] }),
      ),
      force,
    },
    { additionalProperties: false },
  ),
  { examples: [{ code: 'conflict' }] },
)
/** What came of a replay. */
export const parkedReplay = named(
  'ParkedReplay',
  Type.Object({
    replayed: Type.Integer({ minimum: 0, description: 'Published again.' }),
    held: Type.Integer({ minimum: 0, description: 'Replayed three times before: these ask for force.' }),
  }),
  { examples: [{ replayed: 1, held: 0 }] },
)

const said = (description: string, maxLength: number) =>
  Type.String({ minLength: 1, maxLength, pattern: '^[^\\u0000]+$', description })
/** What a discard takes. */
export const discardInput = named(
  'ParkedDiscardInput',
  Type.Object(
    { reason: said('Why.', 1_000), by: Type.Optional(said('Who; else the address of the caller.', 200)) },
    { additionalProperties: false },
  ),
  { examples: [{ reason: 'placed twice, the customer keeps the other one', by: 'sam' }] },
)

export const parkedQuery = Type.Object({
  state: Type.Optional(parkedState),
  code: Type.Optional(Type.String({ ...codeOf, description: 'Those of this code.', examples: ['conflict'] })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 25 })),
  before: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 999_999_999_999_999, description: 'The last n of the page before.' }),
  ),
})
export const numberParameter = Type.Object({
  n: Type.Integer({
    minimum: 1,
    maximum: 999_999_999_999_999,
    description: 'The number of the record.',
    examples: [7],
  }),
})
