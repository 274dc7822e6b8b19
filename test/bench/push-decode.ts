/** How fast a push is understood: the walk over its bytes, the JSON form, validation, levels, WAL records. One thread, per CPU second, bodies as a busy agent sends them. */
import snappy from 'snappy'
import { LIMIT_DEFAULTS } from '../../protocols/limits.ts'
import type { TenantId } from '../../protocols/model.ts'
import { transcodeJsonPush } from '../../protocols/push/decode-json.ts'
import { decodePushRequest } from '../../protocols/push/decode-protobuf.ts'
import { LineLevels } from '../../protocols/push/level-lines.ts'
import { PushValidator } from '../../protocols/push/validate.ts'
import { decodeWalRecord, encodeWalRecord } from '../../protocols/wal-record.ts'
import { busyAgentPush, pushBody, seeded } from '../support/push-bodies.ts'
import type { PlainStream } from '../support/push-bodies.ts'

const PUSHES = 8
const ROUND_MS = 600

/** MB of `bytes` a CPU second, best of three rounds: the machine is shared. */
function mbPerS(bytes: number, run: () => void): number {
  let best = 0
  for (let round = 0; round < 3; round++) {
    const cpuFrom = process.cpuUsage()
    const from = performance.now()
    let runs = 0
    for (; performance.now() - from < ROUND_MS; runs++) run()
    const cpu = process.cpuUsage(cpuFrom)
    best = Math.max(best, (runs * bytes) / Math.max(1, cpu.user + cpu.system))
  }
  return best
}

const jsonOf = (push: ReadonlyArray<PlainStream>): Buffer =>
  Buffer.from(JSON.stringify({ streams: push.map((s) => ({ stream: { host: s.labels.slice(7, 9) }, values: s.entries.map((e) => [String(e.ns), e.line.toString()]) })) }))

export function benchPushDecode(): Record<string, string | number> {
  const pushes = Array.from({ length: PUSHES }, (_, i) => busyAgentPush(seeded(i + 1)))
  const bodies = pushes.map(pushBody)
  const jsons = pushes.map(jsonOf)
  const batches = bodies.map(decodePushRequest)
  const bodyBytes = bodies.reduce((sum, b) => sum + b.length, 0)
  const lineBytes = batches.reduce((sum, b) => sum + b.streams.reduce((s, x) => s + x.lineBytes, 0), 0)
  const validator = new PushValidator('bench' as TenantId, { ...LIMIT_DEFAULTS, reject_old_samples: false })
  const levels = new LineLevels({ fields: LIMIT_DEFAULTS.log_level_fields, jsonDepthMax: 2 })
  const levelsOf = (only: number): void => {
    for (const b of batches) b.streams.forEach((s, k) => k % 3 === only && scanLevels(levels, b, s))
  }
  const share = (only: number): number => batches.reduce((sum, b) => sum + b.streams.reduce((x, s, k) => x + (k % 3 === only ? s.lineBytes : 0), 0), 0)
  const record = encodeWalRecord(bodies.map((body, i) => ({ tenant: 'bench' as TenantId, pushId: '', receivedMs: i, labels: [], compressedBody: snappy.compressSync(body), bodyBytes: body.length })), 'r')
  return {
    'walk PushRequest, MB/s of body': mbPerS(bodyBytes, () => bodies.forEach(decodePushRequest)),
    'validate a good push, million streams a CPU second': mbPerS(batches.reduce((sum, b) => sum + b.streams.length, 0), () => batches.forEach((b) => validator.validate(b, 1_793_491_260_000))),
    'transcode JSON, MB/s of JSON': mbPerS(jsons.reduce((sum, b) => sum + b.length, 0), () => jsons.forEach(transcodeJsonPush)),
    'level of logfmt lines, MB/s': mbPerS(share(0), () => levelsOf(0)),
    'level of JSON lines, MB/s': mbPerS(share(1), () => levelsOf(1)),
    'level of plain lines, MB/s': mbPerS(share(2), () => levelsOf(2)),
    'decode a WAL record, MB/s of record': mbPerS(record.length, () => decodeWalRecord(record)),
    'lines of the bench, MB': lineBytes / 1e6,
  }
}

const codes = new Uint8Array(1 << 20)
function scanLevels(levels: LineLevels, batch: ReturnType<typeof decodePushRequest>, stream: { readonly rowFrom: number; readonly rowTo: number }): void {
  levels.codesOf({ bytes: batch.body, starts: batch.starts, lengths: batch.lengths }, stream.rowFrom, stream.rowTo, codes)
}
