import { Socket } from 'node:net'
import { createRandom } from '../simulation/random.ts'
import { createPipe } from './pipe.ts'
import { resetNow } from './reset.ts'
import type { Acting, Stream, Toxic } from './toxics.ts'

/** One client's connection, and the one to the server that belongs to it. */
export interface Connection {
  /** Another list of toxics stands. */
  changed(): void
  end(how: 'close' | 'reset'): void
}

interface ConnectionParts {
  near: Socket
  server: { host: string; port: number }
  standing(): Standing
  /** Tells it from other connections of the proxy. */
  number: number
  onGone(): void
}

/** The toxics that stand now, and what follows from the seed: on which connections they act. */
export interface Standing {
  toxics: readonly Toxic[]
  seed: number
}

/** Connects a client to the server as soon as anything could pass there, and passes on what both say. */
export function createConnection({ near, server, standing, number, onGone }: ConnectionParts): Connection {
  const far = new Socket({ allowHalfOpen: true })
  const random = createRandom(number)
  const acting = new Map<Toxic, number>()
  let isConnected = false

  const hits = ({ toxicity = 1 }: Toxic, at: number) =>
    createRandom(standing().seed * 65_537 + number * 31 + at).float() < toxicity
  /** Those begin that stand now and hit this connection; those with a text to wait for begin when it was `sent` the other way. */
  const begin = (sent?: { stream: Stream; bytes: Buffer }) => {
    for (const [at, toxic] of standing().toxics.entries()) {
      if (acting.has(toxic) || !hits(toxic, at)) continue
      const after = toxic.type === 'timeout' ? toxic.after : undefined
      const isDue = sent === undefined ? after === undefined : isAfter(toxic, after, sent)
      if (isDue) acting.set(toxic, performance.now())
    }
  }
  const actingOn =
    (stream: Stream) =>
    <T extends Toxic['type']>(type: T): Acting<T> | undefined => {
      for (const [toxic, since_ms] of acting)
        if (toxic.type === type && (toxic.stream === stream || toxic.stream === 'both'))
          return { toxic: toxic as Acting<T>['toxic'], since_ms }
      return undefined
    }
  const upstream = actingOn('upstream')
  const connect = () => {
    const isCut = upstream('timeout') !== undefined || upstream('bandwidth')?.toxic.bytes_per_second === 0
    if (isConnected || isCut) return
    isConnected = true
    if (near.destroyed) far.destroy()
    else far.connect(server).setNoDelay()
  }
  const end = (how: 'close' | 'reset') => {
    isConnected = true // never again
    for (const socket of [near, far]) {
      if (how === 'close') socket.destroySoon()
      else resetNow(socket)
    }
  }
  const parts = { random, end }
  const pipes = [
    createPipe({
      ...parts,
      ...{ from: near, to: far, acting: upstream },
      onSent: (bytes) => heard('upstream', bytes),
    }),
    createPipe({
      ...parts,
      ...{ from: far, to: near, acting: actingOn('downstream') },
      onSent: (bytes) => heard('downstream', bytes),
    }),
  ]
  const changed = () => {
    connect()
    for (const pipe of pipes) pipe.changed()
  }
  const heard = (stream: Stream, bytes: Buffer) => {
    if (!standing().toxics.some((toxic) => 'after' in toxic)) return
    begin({ stream, bytes })
    changed()
  }
  let open = 2
  for (const socket of [near, far])
    socket.once('close', () => {
      open -= 1
      if (open > 0) return
      for (const pipe of pipes) pipe.stop()
      onGone()
    })
  near.setNoDelay()
  begin()
  changed()
  return {
    changed() {
      for (const toxic of acting.keys()) if (!standing().toxics.includes(toxic)) acting.delete(toxic)
      begin()
      changed()
    },
    end,
  }
}

const isAfter = (toxic: Toxic, text: string | undefined, sent: { stream: Stream; bytes: Buffer }): boolean =>
  text !== undefined && toxic.stream !== sent.stream && sent.bytes.includes(text)
