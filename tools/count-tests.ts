/**
 * Counts tests in tap's raw output: a test is what a file itself calls one (the first level below the file). A file
 * that fails without any failed test in it, because it crashed or ran out of time, counts as one failed test.
 * Skipped and planned ones count as neither.
 */
export function countTests(tap: string): { passed: number; failed: number } {
  let passed = 0
  let failed = 0
  let failedInFile = 0
  for (const line of tap.split('\n')) {
    const [, indent = '', not, directive] = /^( {4})?(not )?ok \d+.*?(# (?:SKIP|TODO)\b.*)?$/i.exec(line) ?? [
      '',
      'none',
    ]
    if (indent === 'none') continue
    if (indent === '') {
      if (not && failedInFile === 0) failed++
      failedInFile = 0
    } else if (!directive && not) {
      failed++
      failedInFile++
    } else if (!directive) passed++
  }
  return { passed, failed }
}
