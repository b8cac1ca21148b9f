import { hash } from 'node:crypto'
import { errors } from '@elastic/elasticsearch'
import { type EngineClient, engineAway } from './client.ts'
import type { IndexDefinition } from './definition.ts'

/** What became of one thing that stands around an index. */
export interface KeptPart {
  part: 'lifecycle' | 'template' | 'settings' | 'repository'
  /** not-offered: this engine has no such thing. refused: it has, and why not. */
  outcome: 'set' | 'as-it-was' | 'not-offered' | 'refused'
  detail?: string
}

export const lifecyclePolicy = 'ordermill'
/** Nothing is ever deleted for its age: an index goes when nobody searches it. After a restart of the engine it comes back first. */
const policy = { phases: { hot: { actions: { set_priority: { priority: 100 } } } } }
/** Above the templates that an engine comes with. */
const priority = 200

/**
 * Sets up what stands around an index, where it is not so yet: a lifecycle policy, a template that keeps others from making such an
 * index by writing to it, how many replicas it has, and where its snapshots go. What the engine does not
 * offer or refuses is told, and keeps nothing else from being done.
 * @throws Unavailable
 */
export async function keepIndex(
  client: EngineClient,
  definition: IndexDefinition,
  repository: string,
): Promise<KeptPart[]> {
  const lifecycle = await attempt('lifecycle', () => setLifecycle(client))
  const isOffered = lifecycle.outcome === 'set' || lifecycle.outcome === 'as-it-was'
  const more = isOffered ? { 'index.lifecycle.name': lifecyclePolicy } : {}
  return [
    lifecycle,
    await attempt('template', () => setTemplate(client, definition, more)),
    await attempt('settings', () => setSettings(client, definition, more)),
    ...(repository === '' ? [] : [await attempt('repository', () => setRepository(client, repository))]),
  ]
}

type Done = Pick<KeptPart, 'outcome' | 'detail'>
const set: Done = { outcome: 'set' }
const asItWas: Done = { outcome: 'as-it-was' }

async function attempt(part: KeptPart['part'], work: () => Promise<Done>): Promise<KeptPart> {
  try {
    return { part, ...(await work()) }
  } catch (thrown) {
    if (!(thrown instanceof errors.ResponseError)) throw engineAway(thrown)
    const body = thrown.body as { error?: string | { type?: string; reason?: string; caused_by?: { reason?: string } } }
    const { error = '' } = body ?? {}
    // An engine without the module has no handler; one that is run by its maker says that the call is not available.
    if (typeof error === 'string') return { part, outcome: 'not-offered', detail: error }
    if (error.type === 'api_not_available_exception') return { part, outcome: 'not-offered', detail: error.type }
    if (thrown.statusCode === 429) throw engineAway(thrown)
    return { part, outcome: 'refused', detail: error.caused_by?.reason ?? error.reason ?? String(thrown.statusCode) }
  }
}

/** Says of what we have put there what it is, so that the same is not put there again: each time would be a new state of the cluster. */
const metaOf = (what: unknown) => ({ made_by: 'ordermill', digest: hash('sha256', JSON.stringify(what)).slice(0, 16) })

async function setLifecycle(client: EngineClient): Promise<Done> {
  const _meta = metaOf(policy)
  const found = await client.ilm.getLifecycle({ name: lifecyclePolicy }, { ignore: [404] })
  if (found[lifecyclePolicy]?.policy._meta?.['digest'] === _meta.digest) return asItWas
  await client.ilm.putLifecycle({ name: lifecyclePolicy, policy: { ...policy, _meta } })
  return set
}

async function setTemplate(
  client: EngineClient,
  { alias, settings }: IndexDefinition,
  more: Record<string, unknown>,
): Promise<Done> {
  const { analysis: _, ...keeping } = settings
  const index_patterns = [`${alias}-*`]
  const template = { settings: { ...keeping, ...more } }
  const _meta = metaOf([index_patterns, template, priority])
  const name = `ordermill-${alias}`
  const found = await client.indices.getIndexTemplate({ name }, { ignore: [404] })
  if (found.index_templates?.[0]?.index_template._meta?.['digest'] === _meta.digest) return asItWas
  await client.indices.putIndexTemplate({ name, index_patterns, priority, template, allow_auto_create: false, _meta })
  return set
}

/** What may change of an index that stands; how often it refreshes its follower sees to. */
async function setSettings(
  client: EngineClient,
  { alias, settings }: IndexDefinition,
  more: Record<string, unknown>,
): Promise<Done> {
  const found = await client.indices.getSettings({ index: alias, flat_settings: true }, { ignore: [404] })
  const standing = Object.values(found).flatMap((state) => {
    const flat = (state as { settings?: Record<string, unknown> }).settings
    return flat === undefined ? [] : [flat]
  })
  const wanted = {
    'index.number_of_replicas': settings.number_of_replicas,
    ...more,
  }
  const isAsWanted = standing.every((flat) =>
    Object.entries(wanted).every(([name, value]) => String(flat[name]) === String(value)),
  )
  if (isAsWanted) return asItWas
  await client.indices.putSettings({ index: alias, settings: wanted })
  return set
}

/** Makes a repository for snapshots, unless there is one of that name. */
export async function setRepository(client: EngineClient, name: string): Promise<Done> {
  const found = await client.snapshot.getRepository({ name }, { ignore: [404] })
  if (name in found) return asItWas // whatever kind it is
  await client.snapshot.createRepository({ name, repository: { type: 'fs', settings: { location: name } } })
  return set
}
