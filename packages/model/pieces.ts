import { foldWords } from './fold.ts'

/** A stretch of a text as it was written, and the folded words that come of it. */
export interface Piece {
  start: number
  /** The first place that no longer belongs to it. */
  end: number
  words: string[]
}

/** Characters that fold to nothing but separators; what is dropped in folding (marks, apostrophes) holds a word together. */
const separators = /[^\p{L}\p{N}\p{M}'’ʼ＇]+/gu
const holdsWords = /[\p{L}\p{N}\p{Mc}]/u

/**
 * Where in a text its words are: all pieces' words, one after the other, are `foldWords` of it. A piece has several words where one
 * character makes several (`½`), or where a word is too long.
 */
export function piecesOf(text: string): Piece[] {
  const pieces: Piece[] = []
  let start = 0
  const add = (end: number) => {
    const words = end > start ? foldWords(text.slice(start, end)) : []
    if (words.length > 0) pieces.push({ start, end, words })
  }
  for (const { 0: between, index } of text.matchAll(separators)) {
    let at = index
    for (const character of between) {
      // Some signs are letters once they are taken apart: № is 'no', ㎏ is 'kg'.
      if (!holdsWords.test(character.normalize('NFKD'))) {
        add(at)
        start = at + character.length
      }
      at += character.length
    }
  }
  add(text.length)
  return pieces
}
