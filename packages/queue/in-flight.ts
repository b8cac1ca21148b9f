/** A place in the line. */
export interface Place<T> {
  readonly value: T
  before: Place<T> | undefined
  after: Place<T> | undefined
}

/**
 * What is in flight, oldest first; each leaves when it likes. No Map: its table is made anew every so many entries, and V8 links each
 * table to the next one. Once one is among the old objects, so are all after it, with all that was in flight in them: half of what
 * became old while orders were accepted became so by that.
 */
export class InFlight<T> {
  #first: Place<T> | undefined
  #last: Place<T> | undefined
  #size = 0

  get size(): number {
    return this.#size
  }

  add(value: T): Place<T> {
    const place: Place<T> = { value, before: this.#last, after: undefined }
    if (this.#last === undefined) this.#first = place
    else this.#last.after = place
    this.#last = place
    this.#size += 1
    return place
  }

  /** Gives whether it was still there. */
  remove(place: Place<T>): boolean {
    const { before, after } = place
    if (before === undefined && this.#first !== place) return false
    if (before === undefined) this.#first = after
    else before.after = after
    if (after === undefined) this.#last = before
    else after.before = before
    place.before = undefined // what has left leads to nobody
    place.after = undefined
    this.#size -= 1
    return true
  }

  /** From the oldest on; whoever is at hand may leave. */
  *[Symbol.iterator](): Generator<T> {
    for (let place = this.#first; place !== undefined; ) {
      const { value, after } = place
      yield value
      place = after
    }
  }
}
