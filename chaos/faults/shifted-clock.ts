// Preloaded by chaos (--import): the clock of this process is as many milliseconds off as a file says, and steps when that changes.
import { readFileSync } from 'node:fs'

const file = new URL(import.meta.url).searchParams.get('offset') ?? ''
const { now } = Date
let offset_ms = 0
const read = () => {
  try {
    offset_ms = Number(readFileSync(file, 'utf8'))
  } catch {
    offset_ms = 0
  }
}
read()
setInterval(read, 100).unref()
Date.now = () => now() + offset_ms
globalThis.Date = new Proxy(Date, {
  construct: (target, given, as) => Reflect.construct(target, given.length === 0 ? [Date.now()] : given, as) as Date,
})
