import { serveParent } from '../child.ts'
import { closedLoad } from './closed.ts'
import { constantLoad } from './constant.ts'
import type { LoadJob, LoadProgress } from './jobs.ts'

// The load generator: a process of its own, so that its CPU is counted apart.
serveParent(
  async (job: LoadJob, tell) => {
    const progress: LoadProgress = { count: 0 }
    const telling = setInterval(() => tell({ ...progress }), 100)
    try {
      return await (job.kind === 'closed' ? closedLoad(job, progress) : constantLoad(job, progress))
    } finally {
      clearInterval(telling)
    }
  },
  () => process.exit(0),
)
