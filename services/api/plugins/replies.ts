import { newId } from '@ordermill/model'
import { createReplies, type Replies } from '@ordermill/queue'
import type { Surroundings } from '../parts.ts'

/** Acquires the connection on which workers answer; released when the app closes. */
export function repliesPlugin({ app, options, log: root }: Surroundings): Replies {
  const log = root.child({ component: 'replies' })
  const replies = createReplies({
    urls: options.RABBITMQ_URL,
    name: `ordermill-api-replies-${newId()}`,
    onLost: (err) => log.debug({ err }, 'answers of workers are lost; Postgres is asked instead'),
  })
  app.addHook('onClose', () => replies.close())
  return replies
}
