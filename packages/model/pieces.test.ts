import fc from 'fast-check'
import t from 'tap'
import { foldWords, piecesOf } from './index.ts'

t.test('pieces are the words as they were written, and where', async (t) => {
  const cases: [text: string, pieces: [written: string, ...words: string[]][]][] = [
    ['RED-Retrospot, 3', [['RED', 'red'], ['Retrospot', 'retrospot'], ['3', '3']]],
    ["CHILDREN'S mug", [["CHILDREN'S", 'childrens'], ['mug', 'mug']]],
    ['Cre\u0300me 😀 Brûlée', [['Cre\u0300me', 'creme'], ['Brûlée', 'brulee']]],
    ['1½ ㎏', [['1½', '11', '2'], ['㎏', 'kg']]],
    ['***', []],
  ] // biome-ignore format: table
  for (const [text, pieces] of cases)
    t.same(piecesOf(text).map(({ start, end, words }) => [text.slice(start, end), ...words]), pieces, text) // biome-ignore format: one line
})

// A sigma at the end of a word has a form of its own, and what ends a word is told otherwise there.
const plain = (words: string[]) => words.map((word) => word.replaceAll('ς', 'σ'))
const anything = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.array(fc.constantFrom(...'a B ß é e\u0301 Σ σ . : \u00ad \u200d ½ № ㎏ ´ ¨ İ 가 각 ᄀ ᅡ ᆨ া ে ≠ = \u0338 \u0345 Å ﬁ ＇ \' ’ 𝒳 - _ \u0000'.split(' '), ' '), { maxLength: 12 }).map((all) => all.join('')), // biome-ignore format: one line
)

t.test('the words of the pieces are those of the whole text, in their order, and pieces never overlap', async (t) => {
  fc.assert(
    fc.property(anything, (given) => {
      const text = given.toWellFormed()
      const pieces = piecesOf(text)
      const same = plain(pieces.flatMap(({ words }) => words)).join() === plain(foldWords(text)).join()
      return same && pieces.every(({ start, end }, at) => start < end && start >= (pieces[at - 1]?.end ?? 0))
    }),
    { numRuns: 5_000, seed: 7 },
  )
  t.pass()
})
