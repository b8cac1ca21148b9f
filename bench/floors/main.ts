import { serveParent } from '../child.ts'
import { floors } from './index.ts'

// One floor or alternative, in a process of its own: `node main.ts accept/floor`, and how many orders it queues.
const [name = '', count = '0'] = process.argv.slice(2)
const start = floors[name]
if (start === undefined) throw new Error(`there is no ${name}: ${Object.keys(floors).join(', ')}`)
const { url, stop } = await start(Number(count))
serveParent(
  async () => undefined,
  () => void stop().finally(() => process.exit(0)),
  url,
)
