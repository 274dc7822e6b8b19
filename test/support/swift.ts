/**
 * OpenStack Swift with its S3 interface: the strictest S3 server that runs without a container. Signatures are enforced, data is on disk.
 * Fetched once into `.local/swift` (about 70 MB from the distribution's mirror), run by its own Python under its own loader, four processes.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { S3ObjectStore, type S3StoreOptions } from '../../storage/object-store-s3.ts'
import { unpackDebianPackages } from './debian-packages.ts'
import { freePort } from './free-port.ts'
import { s3LocationOf } from './s3.ts'

const LOCAL = path.resolve(import.meta.dirname, '../../.local/swift')
const PACKAGES = ['swift-proxy', 'swift-account', 'swift-container', 'swift-object', 'python3-swift']
const READY_MS = 30_000
const CREDENTIALS = { accessKeyId: 'test:tester', secretAccessKey: 'testing' }
const ROLES = ['account', 'container', 'object', 'proxy'] as const
type Role = (typeof ROLES)[number]

export interface TestSwift {
  readonly url: string
  readonly credentials: typeof CREDENTIALS
  open(options?: Partial<S3StoreOptions>): S3ObjectStore
  stop(): Promise<void>
}

/** The unpacked tree, or the reason why there is none. `timeoutMs`: of each of the two downloads. */
export async function fetchSwift(timeoutMs?: number): Promise<{ readonly root: string } | { readonly reason: string }> {
  try {
    return { root: await unpackDebianPackages(LOCAL, 'trixie', PACKAGES, timeoutMs) }
  } catch (error) {
    return { reason: `Swift cannot be fetched here: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}` }
  }
}

export async function startSwift(root: string, bucket = 'skald-test'): Promise<TestSwift> {
  const home = mkdtempSync(path.join(os.tmpdir(), 'skald-swift-'))
  const ports = Object.fromEntries(await Promise.all(ROLES.map(async (role) => [role, await freePort()]))) as Record<Role, number>
  mkdirSync(path.join(home, 'disk', 'd1'), { recursive: true })
  const python = pythonOf(root)
  await python.run(RINGS, [home, String(ports.account), String(ports.container), String(ports.object)])
  const servers = ROLES.map((role) => {
    const config = path.join(home, `${role}.conf`)
    writeFileSync(config, configOf(role, home, ports[role]))
    return python.spawn(SERVER, [config, `${role}-server`], path.join(home, `${role}.log`))
  })
  const endpoint = `http://127.0.0.1:${ports.proxy}`
  const url = `s3://${bucket}/logs?endpoint=${endpoint}&region=us-east-1&path_style=true`
  const stop = async (): Promise<void> => {
    await Promise.all(servers.map(end))
    rmSync(home, { recursive: true, force: true })
  }
  try {
    await createBucket(endpoint, bucket)
  } catch (error) {
    const logs = ROLES.map((role) => readFileSync(path.join(home, `${role}.log`), 'utf8').slice(-800)).join('\n')
    await stop()
    throw new Error(`Swift did not start: ${String(error)}\n${logs}`, { cause: error })
  }
  return { url, credentials: CREDENTIALS, open: (options) => new S3ObjectStore({ location: s3LocationOf(url), credentials: CREDENTIALS, ...options }), stop }
}

const RINGS = `
import sys
from swift.common.ring import RingBuilder
home = sys.argv[1]
for name, port in zip(('account', 'container', 'object'), sys.argv[2:]):
    builder = RingBuilder(2, 1, 0)
    builder.add_dev({'region': 1, 'zone': 1, 'ip': '127.0.0.1', 'port': int(port), 'device': 'd1', 'weight': 1.0})
    builder.rebalance()
    builder.get_ring().save(home + '/' + name + '.ring.gz')
`

/** The suffix is normally in /etc/swift/swift.conf, which is not ours to write. */
const SERVER = `
import sys
import swift.common.utils as utils
utils.HASH_PATH_SUFFIX = b'skald'
from swift.common.wsgi import run_wsgi
sys.exit(run_wsgi(sys.argv[1], sys.argv[2]))
`

function configOf(role: Role, home: string, port: number): string {
  const user = os.userInfo().username
  const common = `[DEFAULT]\nbind_ip = 127.0.0.1\nbind_port = ${port}\nworkers = 0\nuser = ${user}\nswift_dir = ${home}\ndevices = ${home}/disk\nmount_check = false\ndisable_fallocate = true\nfallocate_reserve = 0\n`
  if (role !== 'proxy') return `${common}[pipeline:main]\npipeline = ${role}-server\n[app:${role}-server]\nuse = egg:swift#${role}\n`
  return `${common}[pipeline:main]
pipeline = catch_errors cache listing_formats s3api tempauth slo proxy-server
[app:proxy-server]
use = egg:swift#proxy
error_suppression_interval = 0
allow_account_management = true
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:1
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = ${CREDENTIALS.secretAccessKey} .admin
[filter:slo]
use = egg:swift#slo
`
}

interface Python {
  run(code: string, args: ReadonlyArray<string>): Promise<unknown>
  spawn(code: string, args: ReadonlyArray<string>, logFile: string): ChildProcess
}

/** The tree's own Python needs the tree's own C library. */
function pythonOf(root: string): Python {
  const libraries = ['x86_64-linux-gnu', 'aarch64-linux-gnu'].map((triple) => path.join(root, 'usr/lib', triple)).find(existsSync) ?? ''
  const loader = ['ld-linux-x86-64.so.2', 'ld-linux-aarch64.so.1'].map((name) => path.join(libraries, name)).find(existsSync) ?? ''
  const prefix = ['--library-path', libraries, path.join(root, 'usr/bin/python3.13'), '-c']
  const env = { ...process.env, PYTHONHOME: path.join(root, 'usr'), PYTHONPATH: path.join(root, 'usr/lib/python3/dist-packages'), PYTHONDONTWRITEBYTECODE: '' }
  return {
    run: (code, args) => promisify(execFile)(loader, [...prefix, code, ...args], { env }),
    spawn: (code, args, logFile) => {
      const log = openSync(logFile, 'a')
      const child = spawn(loader, [...prefix, code, ...args], { env, stdio: ['ignore', log, log] })
      process.on('exit', () => child.kill('SIGKILL'))
      return child
    },
  }
}

async function createBucket(endpoint: string, Bucket: string): Promise<void> {
  const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials: CREDENTIALS, maxAttempts: 1 })
  const untilMs = performance.now() + READY_MS
  for (;;) {
    try {
      await client.send(new CreateBucketCommand({ Bucket }))
      return client.destroy()
    } catch (error) {
      if (performance.now() > untilMs) throw error
      await sleep(100)
    }
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await gone
}
