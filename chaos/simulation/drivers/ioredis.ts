import { EventEmitter } from 'node:events'
import type { LuaValue } from '../lua.ts'
import { createWire, type Wire } from '../server.ts'
import { type Surroundings, surroundingsOf } from '../surroundings.ts'

interface Asked {
  isSettled: boolean
  resolve(value: unknown): void
  reject(error: Error): void
}

/** Stands in for ioredis: as much of it as `connectCache` and the cache use, with its ways to fail. */
export class Redis extends EventEmitter {
  readonly #on: Surroundings
  #wire: Wire | undefined
  #asked: Asked[] = []
  #ended = false;
  [command: string]: unknown
  /** What `expireCommands` looks at. */
  readonly commandQueue = queueOf(() => this.#asked)
  readonly offlineQueue = queueOf(() => [])

  constructor(address: string) {
    super()
    this.#on = surroundingsOf(address)
    for (const name of plain) {
      const capital = name.toUpperCase()
      this[name] = (...args: unknown[]) => this.#call(capital, name === 'mget' ? args.flat() : args)
    }
    this.#connect(0)
  }

  defineCommand(name: string, { numberOfKeys, lua }: { numberOfKeys?: number; lua: string }): void {
    this[name] = (...args: unknown[]) =>
      numberOfKeys === undefined
        ? this.eval(lua, Number(args[0]), ...args.slice(1))
        : this.eval(lua, numberOfKeys, ...args)
  }

  eval(lua: string, numberOfKeys: number, ...args: unknown[]): Promise<unknown> {
    const texts = args.map(String)
    return this.#ask(() => this.#on.redis.store.script(lua, texts.slice(0, numberOfKeys), texts.slice(numberOfKeys)))
  }

  disconnect(): void {
    this.#ended = true
    this.#wire?.cut()
    this.emit('end')
  }

  #call(name: string, args: unknown[]): Promise<unknown> {
    return this.#ask(() => this.#on.redis.store.command(name, args as LuaValue[]))
  }

  #connect(delay_ms: number): void {
    const { scheduler, random, owner, redis } = this.#on
    scheduler.after(delay_ms, owner, () => {
      if (this.#ended) return
      if (!redis.server.health.up) return this.#connect(random.between(20, 200))
      this.#wire = createWire({
        scheduler,
        random,
        server: redis.server,
        owner,
        usual_ms: 0.4,
        onCut: () => scheduler.after(random.float(), owner, () => this.#lost()),
      })
      this.emit('ready')
    })
  }

  #lost(): void {
    this.#wire = undefined
    for (const asked of [...this.#asked]) asked.reject(new Error('Connection is closed.'))
    this.emit('close')
    if (!this.#ended) this.#connect(this.#on.random.between(10, 150))
  }

  #ask(effect: () => LuaValue): Promise<unknown> {
    const wire = this.#wire
    if (wire === undefined)
      return Promise.reject(new Error("Stream isn't writeable and enableOfflineQueue options is false"))
    return new Promise((resolve, reject) => {
      const asked: Asked = {
        isSettled: false,
        resolve: (value) => {
          this.#end(asked)
          resolve(value)
        },
        reject: (error) => {
          this.#end(asked)
          reject(error)
        },
      }
      this.#asked.push(asked)
      wire.send(() => {
        let answer: () => void
        try {
          const value = replyOf(effect())
          answer = () => asked.isSettled || asked.resolve(value)
        } catch (error) {
          answer = () => asked.isSettled || asked.reject(error as Error)
        }
        wire.push(answer)
      })
    })
  }

  #end(asked: Asked): void {
    asked.isSettled = true
    this.#asked = this.#asked.filter((one) => one !== asked)
  }
}

const queueOf = (all: () => Asked[]) => {
  const entry = (command: Asked | undefined) => command && { command }
  return {
    get length() {
      return all().length
    },
    peekAt: (at: number) => entry(all()[at]),
    peekBack: () => entry(all().at(-1)),
  }
}

/** Only to be named: clusters are not simulated. */
export class Cluster {}

const plain = ['get', 'mget', 'zcard', 'zrange', 'zrangebyscore', 'time', 'hget', 'hgetall', 'info', 'setex', 'ping']

/** As Redis answers a script: no fractions, nothing for false. */
const replyOf = (value: LuaValue): unknown => {
  if (Array.isArray(value)) return value.map(replyOf)
  if (value === undefined || value === false) return null
  if (value === true) return 1
  return typeof value === 'number' ? Math.trunc(value) : value
}
