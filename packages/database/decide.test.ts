import type { Version } from '@ordermill/model'
import fc from 'fast-check'
import t from 'tap'
import { type Chain, decide, type Outcome, type Standing } from './decide.ts'

/** A version by its name: its number is what the name starts with. */
const version = (hash: string, parent: string | null): Version => ({
  id: 'a',
  version: Number.parseInt(hash, 10),
  hash,
  parent,
  text: '{}',
  deleted: false,
  keys: [],
})
/** '1 2 3' is a chain in which each was built on the one before it; '2<1' starts with one that was built on 1. */
const chainOf = (words: string): Chain => {
  const [head = '', ...names] = words.split(' ')
  const [first = '', parent = null] = head.split('<')
  const chain: [Version, ...Version[]] = [version(first, parent)]
  for (const name of names) chain.push(version(name, chain.at(-1)?.hash ?? null))
  return chain
}
const standingOf = (words: string): Standing | undefined => {
  const [hash = '', parent = null] = words.split('<')
  return hash === '' ? undefined : { version: Number.parseInt(hash, 10), hash, parent }
}

t.test('what a chain may do follows from what stands and what stood', async (t) => {
  const table: {
    chain: string
    stands: string
    stood?: string
    write: 'insert' | 'update' | undefined
    outcomes: string
  }[] = [
    { chain: '1', stands: '', write: 'insert', outcomes: 'inserted' },
    { chain: '1 2 3', stands: '', write: 'insert', outcomes: 'superseded superseded inserted' },
    { chain: '5<4', stands: '', write: 'insert', outcomes: 'inserted' },
    { chain: '2<1', stands: '1', write: 'update', outcomes: 'updated' },
    { chain: '2<1 3 4', stands: '1', write: 'update', outcomes: 'superseded superseded updated' },
    { chain: '1', stands: '1', write: undefined, outcomes: 'duplicate' },
    { chain: '1 2', stands: '2<1', stood: '1', write: undefined, outcomes: 'duplicate duplicate' },
    { chain: '1 2 3', stands: '2<1', stood: '1', write: 'update', outcomes: 'duplicate duplicate updated' },
    {
      chain: '1 2 3 4',
      stands: '2<1',
      stood: '1',
      write: 'update',
      outcomes: 'duplicate duplicate superseded updated',
    },
    { chain: '1', stands: '3<2', stood: '1 2<1', write: undefined, outcomes: 'duplicate' },
    { chain: '1 2', stands: '3<2', stood: '1 2<1', write: undefined, outcomes: 'duplicate duplicate' },
    { chain: '2<1', stands: '3<2', write: undefined, outcomes: 'superseded' },
    { chain: '2<1', stands: '3<2', stood: '2<1', write: undefined, outcomes: 'duplicate' },
    { chain: '1 2', stands: '3<2', stood: '2<1', write: undefined, outcomes: 'superseded duplicate' },
    { chain: '1', stands: '3<2', stood: '2<1', write: undefined, outcomes: 'superseded' },
    { chain: '1', stands: '5<4', stood: '3<2 4<3', write: undefined, outcomes: 'conflict' },
    { chain: '1b 2b', stands: '3<2', stood: '2<1', write: undefined, outcomes: 'conflict conflict' },
    { chain: '1 2 3', stands: '2<1', write: 'update', outcomes: 'superseded duplicate updated' },
    { chain: '1b', stands: '1', write: undefined, outcomes: 'conflict' },
    { chain: '2b<1', stands: '2<1', stood: '1', write: undefined, outcomes: 'conflict' },
    { chain: '2b<1 3b', stands: '2<1', stood: '1', write: undefined, outcomes: 'conflict conflict' },
    { chain: '1 2b 3b', stands: '3<2', stood: '1 2<1', write: undefined, outcomes: 'duplicate conflict conflict' },
    { chain: '4<3', stands: '2<1', stood: '1', write: undefined, outcomes: 'conflict' },
    { chain: '3b<2b', stands: '2<1', stood: '1', write: undefined, outcomes: 'conflict' },
    { chain: '1b<3', stands: '3<2', stood: '1 2<1', write: undefined, outcomes: 'conflict' },
  ]
  for (const { chain, stands, stood = '', write, outcomes } of table) {
    const past = stood.split(' ').map((word) => word.split('<'))
    const decision = decide(chainOf(chain), standingOf(stands), {
      has: (one) => past.some(([hash]) => hash === one),
      hasChildOf: (one) => past.some(([, parent]) => parent === one),
    })
    const name = `${chain} comes, ${stands || 'nothing'} stands`
    t.equal(decision.write, write, name)
    t.equal(decision.outcomes.join(' '), outcomes, name)
  }
})

/** A table of one record that does what decide says. */
function createStore() {
  let standing: Standing | undefined
  const past = new Map<string, string | null>()
  const history = {
    has: (hash: string) => past.has(hash),
    hasChildOf: (hash: string) => [...past.values()].includes(hash),
  }
  return {
    standing: () => standing,
    holds: (hash: string) => standing?.hash === hash || past.has(hash),
    apply(chain: Chain): Outcome[] {
      const decision = decide(chain, standing, history)
      if (decision.write !== undefined) {
        if (standing !== undefined) past.set(standing.hash, standing.parent)
        standing = chain.at(-1)
      }
      for (const [at, { hash, parent }] of chain.entries())
        if (decision.outcomes[at] === 'superseded') past.set(hash, parent)
      return decision.outcomes
    },
  }
}

/** Versions that were built on each other in any way: a tree with forks, each with its number below its parent's. */
const tree = fc.array(fc.nat({ max: 1_000 }), { minLength: 1, maxLength: 14 }).map((choices) => {
  const all: Version[] = []
  for (const [at, choice] of choices.entries()) {
    const parent = all.length === 0 || choice % 7 === 0 ? undefined : all[choice % all.length]
    all.push(version(`${(parent?.version ?? 0) + 1}:${at}`, parent?.hash ?? null))
  }
  return all
})
const deliveries = tree.chain((all) =>
  fc.tuple(
    fc.constant(all),
    fc.array(fc.tuple(fc.nat({ max: all.length - 1 }), fc.integer({ min: 1, max: 4 })), { maxLength: 40 }),
  ),
)

t.test(
  'in whatever order and however often versions come, the record never goes back and never leaves its line',
  async (t) => {
    fc.assert(
      fc.property(deliveries, ([all, order]) => {
        const byHash = new Map(all.map((one) => [one.hash, one]))
        const lineOf = (hash: string | null | undefined): string[] => {
          const one = byHash.get(hash ?? '')
          return one === undefined ? [] : [...lineOf(one.parent), one.hash]
        }
        const store = createStore()
        for (const [at, length] of order) {
          const line = lineOf(all[at]?.hash)
            .slice(-length)
            .flatMap((hash) => byHash.get(hash) ?? [])
          const [first, ...rest] = line
          if (first === undefined) continue
          const before = store.standing()
          const known = line.map(({ hash }) => store.holds(hash))
          const outcomes = store.apply([first, ...rest])
          const after = store.standing()
          t.ok((after?.version ?? 0) >= (before?.version ?? 0), 'never backwards')
          if (before !== undefined)
            t.ok(lineOf(after?.hash).includes(before.hash), 'what stood is in the line of what stands')
          for (const [index, outcome] of outcomes.entries()) {
            const held = store.holds(line[index]?.hash ?? '')
            if (outcome === 'conflict') t.equal(held, false, 'a conflict was not taken')
            else t.ok(held, 'all else is persisted')
            if (outcome === 'duplicate' && before === undefined) t.fail('there was nothing to repeat')
            if (known[index]) t.equal(outcome, 'duplicate', 'what was taken once is taken for what it is')
          }
        }
        const late = lineOf(store.standing()?.hash).reverse()
        for (const one of late.flatMap((hash) => byHash.get(hash) ?? []))
          t.not(store.apply([one])[0], 'conflict', 'what it was built on may come late, the newest first')
      }),
      { numRuns: 500 },
    )
  },
)
