import t from 'tap'
import { open } from './failure.ts'

const sixTwo = 'ERR Error running script (call to f_0a): @user_script:5: @user_script: 5: '

t.test('a refusal of Redis says that nothing was done, an error midway or a lost answer leaves it open', async (t) => {
  for (const [name, message, code] of [
    ['ReplyError', "OOM command not allowed when used memory > 'maxmemory'.", 'cache-full'],
    ['ReplyError', "READONLY You can't write against a read only replica.", 'cache-away'],
    ['ReplyError', `${sixTwo}-OOM command not allowed when used memory > 'maxmemory'.`, 'cache-full'],
    ['ReplyError', `${sixTwo}-READONLY You can't write against a read only replica.`, 'cache-away'],
    ['ReplyError', 'WRONGTYPE Operation against a key holding the wrong kind of value', 'outcome-open'],
    ['ReplyError', `${sixTwo}-WRONGTYPE Operation against a key holding the wrong kind of value`, 'outcome-open'],
    ['ReplyError', 'ERR user_script:7: attempt to index a nil value', 'outcome-open'],
    ['Error', "Stream isn't writeable and enableOfflineQueue options is false", 'cache-away'],
    ['Error', 'Command timed out', 'outcome-open'],
  ] as const) {
    const error = Object.assign(new Error(message), { name })
    await t.rejects(open(Promise.reject(error)), { code }, message)
  }
})
