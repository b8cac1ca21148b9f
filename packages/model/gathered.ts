/** What may be asked together with others. */
interface Question {
  /** The record it is about. */
  id: string
}

/** One who waits for his part of the answer. */
interface Waiting<Asked, Answer> extends Question {
  asked: Asked
  resolve(answer: Answer | Promise<Answer>): void
  reject(error: unknown): void
}

/**
 * Makes one call of all that is asked in one turn of the event loop: nothing waits for company, but who comes with others shares what
 * a command costs at both ends.
 * @param call gives an answer to each question, or the promise of one, in order; if it rejects, so does each of its questions
 * @param together what may go into one call, as many calls as it takes
 */
export function gathered<Asked extends Question, Answer>(
  call: (questions: Asked[]) => Promise<(Answer | Promise<Answer>)[]>,
  together: <T extends Question>(all: T[]) => T[][],
): (question: Asked) => Promise<Answer> {
  let waiting: Waiting<Asked, Answer>[] = []
  const ask = async (some: Waiting<Asked, Answer>[]) => {
    try {
      const answers = await call(some.map(({ asked }) => asked))
      for (const [at, { resolve }] of some.entries()) resolve(answers[at] as Answer)
    } catch (thrown) {
      for (const { reject } of some) reject(thrown)
    }
  }
  const turn = () => {
    const all = waiting
    waiting = []
    for (const some of together(all)) void ask(some)
  }
  return (asked) =>
    new Promise((resolve, reject) => {
      if (waiting.push({ id: asked.id, asked, resolve, reject }) === 1) setImmediate(turn)
    })
}
