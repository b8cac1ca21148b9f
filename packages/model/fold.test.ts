import fc from 'fast-check'
import t from 'tap'
import { foldText, foldWords } from './index.ts'

t.test('case, accents and apostrophes fold; all but letters and digits separates', async (t) => {
  const cases: [text: string, folded: string][] = [
    ['REGENCY CAKESTAND 3 TIER', 'regency cakestand 3 tier'],
    ['SET/20 RED-RETROSPOT, PAPER  NAPKINS ', 'set 20 red retrospot paper napkins'],
    ["CHILDREN'S Children’s", 'childrens childrens'],
    ['Crème Brûlée', 'creme brulee'],
    ['Cre\u0300me', 'creme'],
    ['STRASSE Straße ÆØÅ Łódź', 'strasse strasse aeoa lodz'],
    ['İstanbul ISTANBUL ısı', 'istanbul istanbul isi'],
    ['№ ﬁne ½', 'no fine 1 2'],
    ['Ёлка ёлка', 'елка елка'],
    ['한국어 テスト', '한국어 テスト'],
    ['***', ''],
  ]
  for (const [text, folded] of cases) t.equal(foldText(text), folded, text)
})

t.test('a folded text folds to itself, whatever it was made of', async (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
      const folded = foldText(text.toWellFormed())
      return foldText(folded) === folded
    }),
    { numRuns: 5_000, seed: 7 },
  )
  t.pass()
})

t.test('plain and accented letters that are told apart by ASCII alone fold alike', async (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme-ascii', maxLength: 60 }), (text) => {
      return foldText(`${text} é`) === `${foldText(text)} e`.trim()
    }),
    { numRuns: 2_000, seed: 7 },
  )
  t.pass()
})

t.test('a word of more than 64 characters is cut, pairs of surrogates kept whole', async (t) => {
  t.same(foldWords('x'.repeat(130)), ['x'.repeat(64), 'x'.repeat(64), 'xx'])
  t.same(foldWords('𝒳'.repeat(65)), ['x'.repeat(64), 'x'])
  t.same(foldWords('𐍈'.repeat(65)), ['𐍈'.repeat(64), '𐍈'])
})
