import type { Socket } from 'node:net'

/**
 * Resets at once. resetAndDestroy() ends the stream first, and waits for whoever takes nothing any more; and while a stream is being
 * ended libuv refuses to reset it, after which its handle is never closed: then it is merely closed.
 */
export function resetNow(socket: Socket): void {
  const isEnding = socket.writableEnded && !socket.writableFinished
  if (!isEnding && !socket.connecting) Object.assign(socket, { resetAndClosing: true })
  socket.destroy()
}
