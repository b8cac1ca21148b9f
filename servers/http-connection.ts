import { connect, type Socket } from 'node:net'

/** What came of a request. */
export interface Received {
  /** 0: there was no answer. */
  status: number
  /** Why there was none, as the system names it: ECONNREFUSED, ECONNRESET; or as whoever gave it up did. */
  error: string
  body(): string
  /** The value of a header, its name in lower case. */
  header(name: string): string | undefined
}

/**
 * One HTTP/1.1 connection that keeps alive, one request at a time, made again when it is lost. It reads a status line, a length and
 * what it is asked for, so that on a machine of few cores the load takes as little as possible from what is measured. Servers here
 * answer with Content-Length, Elasticsearch's searches in chunks (RFC 9112, section 7.1).
 */
export class HttpConnection {
  readonly #host: string
  readonly #port: number
  #socket: Socket | undefined
  #onReceived: ((received: Received) => void) | undefined
  #pending: Buffer | undefined

  constructor(url: string) {
    const { hostname, port } = new URL(url)
    this.#host = hostname
    this.#port = Number(port)
  }

  /** Sends one request, its bytes as they are; the one before must have been answered. */
  send(request: Buffer | string, onReceived: (received: Received) => void): void {
    this.#onReceived = onReceived
    const socket = this.#socket ?? this.#open()
    socket.write(request)
  }

  /**
   * Resets the connection: the request that is on its way gets no answer, for this reason, and is not delivered any more if it was not
   * yet. (After an orderly close the system goes on sending to a server that had no room for the connection.) The next one opens it again.
   */
  lose(error: string): void {
    if (this.#socket?.connecting === false) this.#socket.resetAndDestroy()
    this.#drop()
    this.#give(new None(error))
  }

  /** Closes the connection; nobody is told. */
  close(): void {
    this.#onReceived = undefined
    this.#drop()
  }

  #open(): Socket {
    const socket = connect({ host: this.#host, port: this.#port, noDelay: true })
    this.#socket = socket
    let why = 'ECONNRESET'
    socket.on('data', (chunk) => this.#read(chunk))
    socket.on('error', ({ code }: NodeJS.ErrnoException) => {
      why = code ?? why
    })
    socket.on('end', () => {
      if (this.#socket === socket && this.#onReceived === undefined) this.#drop() // nothing may be sent into it any more
    })
    socket.on('close', () => {
      if (this.#socket === socket) this.lose(why)
    })
    return socket
  }

  #drop(): void {
    const socket = this.#socket
    this.#socket = undefined
    this.#pending = undefined
    socket?.destroy()
  }

  #read(chunk: Buffer): void {
    if (this.#onReceived === undefined) {
      this.#drop() // nothing was asked
      return
    }
    const all = this.#pending === undefined ? chunk : Buffer.concat([this.#pending, chunk])
    this.#pending = all
    const headEnd = all.indexOf('\r\n\r\n')
    if (headEnd < 0) return
    const head = all.toString('latin1', 0, headEnd)
    const status = Number(head.slice(9, 12))
    const length = status === 304 || status === 204 ? 0 : lengthIn(head)
    const inChunks = length === undefined && chunked.test(head)
    const body = inChunks ? chunksIn(all, headEnd + 4) : bodyIn(all, headEnd + 4, length)
    if (typeof body === 'string') this.lose(body)
    else if (body !== undefined) {
      this.#pending = undefined
      if (closing.test(head)) this.#drop()
      this.#give(new Whole(status, head, body))
    }
  }

  #give(received: Received): void {
    const onReceived = this.#onReceived
    this.#onReceived = undefined
    onReceived?.(received)
  }
}

const closing = /\r\nconnection: close/i
const chunked = /\r\ntransfer-encoding: chunked/i

function lengthIn(head: string): number | undefined {
  const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1]
  return length === undefined ? undefined : Number(length)
}

/** A body as far as it goes: undefined until it is whole, a text says what is wrong with it. */
type Body = Buffer | string | undefined

function bodyIn(all: Buffer, from: number, length: number | undefined): Body {
  if (length === undefined) return 'no Content-Length'
  return all.length < from + length ? undefined : all.subarray(from, from + length)
}

function chunksIn(all: Buffer, from: number): Body {
  const parts: Buffer[] = []
  for (let at = from; ; ) {
    const lineEnd = all.indexOf('\r\n', at)
    if (lineEnd < 0) return undefined
    const size = Number.parseInt(all.toString('latin1', at, lineEnd), 16)
    if (Number.isNaN(size)) return 'broken chunks'
    const end = lineEnd + 2 + size
    if (all.length < end + 2) return undefined
    if (size === 0) return parts.length === 1 ? parts[0] : Buffer.concat(parts)
    parts.push(all.subarray(lineEnd + 2, end))
    at = end + 2
  }
}

class Whole implements Received {
  readonly status: number
  readonly error = ''
  readonly #head: string
  #lines: string[] | undefined
  readonly #body: Buffer

  constructor(status: number, head: string, body: Buffer) {
    this.status = status
    this.#head = head
    this.#body = body
  }
  body(): string {
    return this.#body.toString('utf8')
  }
  header(name: string): string | undefined {
    this.#lines ??= this.#head.split('\r\n')
    const line = this.#lines.find((one) => one[name.length] === ':' && one.slice(0, name.length).toLowerCase() === name)
    return line?.slice(name.length + 1).trim()
  }
}

class None implements Received {
  readonly status = 0
  readonly error: string

  constructor(error: string) {
    this.error = error
  }
  body(): string {
    return ''
  }
  header(): undefined {
    return undefined
  }
}
