import { everyLink, type Link } from '../proxy/links.ts'
import type { Stream, Toxic } from '../proxy/toxics.ts'
import type { Scenario, Scene } from '../scenarios/scenario.ts'
import { shuffled } from '../simulation/random.ts'

/** How a link is broken, and mended. */
export type LinkFault = (link: Link) => Pick<Scenario, 'break' | 'heal'>

/**
 * Nothing passes. What half of the connections send is lost, and they stay silent for ever: a firewall forgot them. What the others
 * send waits, and arrives late: a partition that TCP survives.
 */
const nothingPasses = (stream: Stream | 'both'): Toxic[] => [
  { type: 'timeout', timeout_ms: 0, stream, toxicity: 0.5 },
  { type: 'bandwidth', bytes_per_second: 0, stream },
]

const during =
  (toxics: Toxic[]): LinkFault =>
  (link) => ({
    break: async ({ stack, random }) => stack.link(link).set(toxics, random.below(2 ** 31)),
    heal: async ({ stack }) => stack.link(link).set([]),
  })

/** Connections stay open, but nothing passes; new ones are taken, and hear nothing. */
export const halfOpen = during(nothingPasses('both'))

/** What is asked arrives, and nothing is answered. */
export const unanswered = during(nothingPasses('downstream'))

/** Of most connections the answer to this, and all after it, is lost: it was done, and nobody is told. */
export const unansweredFrom = (text: string): LinkFault =>
  during([{ type: 'timeout', timeout_ms: 0, stream: 'downstream', toxicity: 0.7, after: text }])

/** Everything takes a while, and there is little room. */
export const slow = during([
  { type: 'latency', latency_ms: 100, jitter_ms: 50, stream: 'both' },
  { type: 'bandwidth', bytes_per_second: 200_000, stream: 'both' },
])

/** Connections are reset, most of those there are, some times. */
export const reset: LinkFault = (link) => ({
  async break({ stack, random, wait }) {
    const proxy = stack.link(link)
    for (let times = 0; times < 5; times += 1) {
      proxy.set([{ type: 'reset_peer', timeout_ms: 0, stream: 'both', toxicity: 0.8 }], random.below(2 ** 31))
      await wait(random.float() * 0.5)
      proxy.set([])
      await wait(random.float() * 1.5)
    }
  },
  heal: async ({ stack }) => stack.link(link).set([]),
})

/** Nothing passes to one server after the other, in any order; in any order they are freed. */
export const clogged: Pick<Scenario, 'break' | 'heal'> = {
  break: (scene) => toEach(scene, (link) => halfOpen(link).break?.(scene)),
  heal: (scene) => toEach(scene, (link) => halfOpen(link).heal?.(scene)),
}

/** Does it to all links of one server, waits a little, and goes on to the next. */
async function toEach({ random, wait }: Scene, act: (link: Link) => Promise<void> | undefined): Promise<void> {
  const servers = [...new Set(everyLink.map(({ server }) => server))]
  for (const server of shuffled(servers, random)) {
    for (const link of everyLink) if (link.server === server) await act(link)
    await wait(0.5 + random.float())
  }
}
