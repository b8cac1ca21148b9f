import { parseArgs } from 'node:util'
import { type Missing, runMutations } from './mutants.ts'
import { runSplit } from './processes.ts'
import { type Progress, traceSeed } from './seeds.ts'

const usage = `npm run simulate -- [--seeds COUNT] [--from SEED]   simulates seeds on all cores (1,000 from 1)
npm run simulate -- --seed SEED [--trace]          simulates one, and prints everything that happens in it
npm run simulate -- --mutations [--seeds COUNT] [--only WORDS] [--markdown] [--record]
                                                   takes the guards out of a copy one by one (only those in whose description
                                                   the words stand), and says which are missed within so many seeds (5,000). The seeds that noticed
                                                   them last, in noticed.json, come first; --record writes them`

process.exitCode = await main(process.argv.slice(2))

async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      seed: { type: 'string' },
      seeds: { type: 'string' },
      from: { type: 'string', default: '1' },
      trace: { type: 'boolean', default: false },
      mutations: { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
      markdown: { type: 'boolean', default: false },
      record: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const [seed, count, from] = [
    values.seed ?? '1',
    values.seeds ?? (values.mutations ? '5000' : '1000'),
    values.from,
  ].map(Number)
  if (
    values.help ||
    seed === undefined ||
    count === undefined ||
    from === undefined ||
    Number.isNaN(seed + count + from)
  ) {
    console.log(usage)
    return values.help ? 0 : 1
  }
  if (values.mutations) return await withoutGuards({ ...values, seedsMax: count })
  return values.seed === undefined ? await many(from, count) : await one(seed, values.trace)
}

async function one(seed: number, trace: boolean): Promise<number> {
  const { failure, events } = await traceSeed(seed, (line) => {
    if (trace) console.log(line)
  })
  console.log(failure === undefined ? `seed ${seed}: every promise kept, ${events} events` : `seed ${seed}: ${failure}`)
  return failure === undefined ? 0 : 1
}

async function many(from: number, count: number): Promise<number> {
  const started = performance.now()
  const seconds = () => (performance.now() - started) / 1_000
  let told = 0
  const named = new Set<number>()
  const tell = ({ done, failures }: Progress) => {
    for (const { seed, failure } of failures) {
      if (!named.has(seed)) console.log(`seed ${seed}: ${failure}`)
      named.add(seed)
    }
    if (seconds() - told < 5) return
    told = seconds()
    console.log(`${done} of ${count} seeds, ${Math.round(done / seconds())} a second, ${failures.length} failed`)
  }
  const { done, failures } = await runSplit({ seeds: { from, count, step: 1 }, tell })
  for (const { seed, failure } of failures)
    console.log(`seed ${seed}: ${failure}\n  npm run simulate -- --seed ${seed} --trace`)
  console.log(`${done} seeds in ${seconds().toFixed(1)} s, ${failures.length} failed`)
  return failures.length > 0 || done < count ? 1 : 0
}

async function withoutGuards(parts: {
  seedsMax: number
  only: string
  record: boolean
  markdown: boolean
}): Promise<number> {
  const line = ({ mutation: { without, missed }, caught }: Missing) => {
    const broken = caught?.failure?.split('\n')[0]
    if (parts.markdown)
      return `| ${without} | ${caught?.seed ?? ''} | ${broken?.replace(/^(I\d+).*/, '$1').replace(/^process.*/, 'the process ends') ?? missed ?? 'missed'} |`
    if (missed !== undefined) return `not simulated, without ${without}\n    ${missed}`
    if (broken === undefined) return `MISSED in ${parts.seedsMax} seeds, without ${without}`
    return `seed ${String(caught?.seed).padStart(5)}, without ${without}\n    ${broken}`
  }
  if (parts.markdown) console.log('| without | a seed that notices it | what breaks |\n|---|---|---|')
  const all = await runMutations({ ...parts, tell: (missing) => console.log(line(missing)) })
  const unnoticed = all.filter(({ mutation, caught }) => mutation.missed === undefined && caught === undefined)
  if (!parts.markdown)
    console.log(unnoticed.length === 0 ? 'no guard can go unnoticed' : `${unnoticed.length} guards can go unnoticed`)
  return unnoticed.length === 0 ? 0 : 1
}
