import { connectCache, createRecordCache } from '@ordermill/cache'
import { orders, type Version } from '@ordermill/model'
import { createPublisher, type OutgoingMessage } from '@ordermill/queue'
import { type Acceptor, createAcceptor } from '../../services/api/accepting.ts'
import { createMarker } from '../../services/api/marker.ts'
import { createReader, type Reader } from '../../services/api/reader.ts'
import { createWriter, type Writer } from '../../services/api/writer.ts'
import { createAsking } from './asking.ts'
import { createReader as createStored } from './postgres.ts'
import { settings, topology } from './settings.ts'
import { type Process, startProcess, type World } from './world.ts'

/** An API process: what its routes call. */
export interface Api {
  process: Process
  writer: Writer | undefined
  reader: Reader | undefined
  /** When the last look at the epoch began that had an answer. */
  lookedAt: number
}

export function startApi(world: World, name: string): Api {
  const { scheduler, random, postgres, truth } = world
  const api: Api = {
    process: startProcess(world, name, build),
    writer: undefined,
    reader: undefined,
    lookedAt: scheduler.now(),
  }
  return api

  function build(process: Process): void {
    const collection = orders
    const client = connectCache({
      urls: [`redis://${process.host}`],
      timeout_ms: settings.cacheTimeout_ms,
      onError: () => undefined,
      onReady: () => undefined,
    })
    const cache = createRecordCache({
      client,
      collection: collection.name,
      namespace: '',
      dirtyLimit: settings.dirtyLimit,
    })
    const publisher = createPublisher({
      urls: [`amqp://${process.host}`],
      name: 'publish',
      topology,
      window: settings.window,
      timeout_ms: settings.publishTimeout_ms,
      onLost: () => undefined,
    })
    const ask = createAsking({
      scheduler,
      random,
      server: postgres.server,
      owner: process,
      usual_ms: 3,
      timeout_ms: settings.databaseTimeout_ms,
    })
    /** Who has the answer of Postgres in hand is about to offer it to the cache. */
    const askForRow: typeof ask = (effect) =>
      ask(() => {
        const found = effect()
        for (const run of world.aimed[found === undefined ? 'miss' : 'read'].splice(0)) run(process)
        return found
      })
    const stored = createStored({ postgres: postgres.store, ask: askForRow })
    const publish = (message: OutgoingMessage) => {
      const { hash, epoch } = message.properties.headers as { hash: string; epoch?: string }
      if (epoch === undefined) truth.bypassed(hash)
      return publisher.publish(message)
    }
    const acceptor = createAcceptor({
      collection,
      cache,
      durable: () => world.plan.vouches,
      publisher: { ...publisher, publish },
      exchange: topology.exchange,
      marker: createMarker(cache, () => undefined),
      onAccepted: () => undefined,
    })
    /** Where Redis may forget, and without it, only a queue can vouch for what is accepted. */
    const promise = (version: Version, outcome: 'accepted' | 'bypassed') => {
      truth.promised(version)
      if (outcome === 'bypassed') truth.bypassers.set(version.id, process)
      if ((!world.plan.vouches || outcome === 'bypassed') && !truth.taken.has(version.hash))
        world.broken(`I1: ${truth.nameOf(version.id)} v${version.version} was ${outcome}, and no queue has it`)
    }
    const witnessed: Acceptor = {
      async accept(version, base, caller) {
        truth.built(version, process)
        const outcome = await acceptor.accept(version, base, caller)
        world.trace(() => `${name}: ${truth.nameOf(version.id)} v${version.version} ${outcome}`)
        if (outcome === 'accepted' || outcome === 'bypassed') promise(version, outcome)
        return outcome
      },
      async vouch(standing, caller) {
        const isSafe = await acceptor.vouch(standing, caller)
        if (isSafe) promise(standing, 'accepted')
        return isSafe
      },
    }
    const findKeyUse = (id: string, key: string) =>
      ask(() => {
        const past = [...postgres.store.history.values()].filter((one) => one.id === id)
        return past.flatMap(({ keys }) => keys).find((use) => use.key === key)
      })
    const look = () => {
      const began = scheduler.now()
      cache.checkEpoch().then(
        () => {
          api.lookedAt = began
        },
        () => undefined,
      )
    }
    setTimeout(look, settings.epochFirst_ms)
    setInterval(look, settings.epochEvery_ms)
    const writer = createWriter({ collection, cache, stored, findKeyUse, acceptor: witnessed })
    const reader = createReader({ collection, cache, stored, onRead: () => undefined })
    Object.assign(api, { writer, reader })
  }
}
