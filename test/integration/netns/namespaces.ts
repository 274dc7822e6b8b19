/**
 * Network namespaces for a test: one a process, joined by a bridge in a namespace of its own, so nothing of the machine's own network is touched. Needs root and
 * `ip` (iproute2). Addresses exist only inside; `remove` ends all of it, also what an earlier run left behind.
 */
import { execFileSync } from 'node:child_process'

const NETWORK = '10.77.0'
export const HUB = 'hub'

/** Why there can be none here, or null. */
export function whyNoNamespaces(): string | null {
  if (process.platform !== 'linux') return 'network namespaces are Linux only'
  if (process.getuid?.() !== 0) return 'network namespaces need root'
  const probe = new Namespaces('probe', [])
  try {
    probe.create()
    return null
  } catch (error) {
    return `network namespaces cannot be made here: ${error instanceof Error ? error.message.trim() : String(error)}`
  } finally {
    probe.remove()
  }
}

export class Namespaces {
  readonly #tag: string
  readonly #names: ReadonlyArray<string>

  /** `tag` keeps runs side by side apart. The hub is there besides `names`. */
  constructor(tag: string, names: ReadonlyArray<string>) {
    this.#tag = tag
    this.#names = names
  }

  create(): void {
    this.#make(HUB)
    this.#inside(HUB, 'ip', 'link', 'add', 'bridge', 'type', 'bridge')
    this.#inside(HUB, 'ip', 'addr', 'add', `${this.addressOf(HUB)}/24`, 'dev', 'bridge')
    this.#inside(HUB, 'ip', 'link', 'set', 'bridge', 'up')
    for (const [i, name] of this.#names.entries()) this.#join(name, `port${i}`)
  }

  addressOf(name: string): string {
    return name === HUB ? `${NETWORK}.1` : `${NETWORK}.${this.#names.indexOf(name) + 10}`
  }

  /** What runs a command inside. */
  commandIn(name: string): string[] {
    return ['ip', 'netns', 'exec', this.#full(name)]
  }

  /** What `from` sends to `to` vanishes; what `to` sends arrives. */
  block(from: string, to: string): void {
    this.#inside(from, 'ip', 'route', 'replace', 'blackhole', `${this.addressOf(to)}/32`)
  }

  unblock(from: string, to: string): void {
    this.#inside(from, 'ip', 'route', 'del', 'blackhole', `${this.addressOf(to)}/32`)
  }

  unplug(name: string): void {
    this.#inside(name, 'ip', 'link', 'set', 'outside', 'down')
  }

  plug(name: string): void {
    this.#inside(name, 'ip', 'link', 'set', 'outside', 'up')
  }

  /** Whatever runs inside must have ended. */
  remove(): void {
    for (const name of [...this.#names, HUB]) {
      try {
        run('ip', 'netns', 'del', this.#full(name))
      } catch {
        // It was not there.
      }
    }
  }

  #join(name: string, port: string): void {
    this.#make(name)
    this.#inside(HUB, 'ip', 'link', 'add', port, 'type', 'veth', 'peer', 'name', 'outside', 'netns', this.#full(name))
    this.#inside(HUB, 'ip', 'link', 'set', port, 'master', 'bridge', 'up')
    this.#inside(name, 'ip', 'addr', 'add', `${this.addressOf(name)}/24`, 'dev', 'outside')
    this.#inside(name, 'ip', 'link', 'set', 'outside', 'up')
  }

  #make(name: string): void {
    run('ip', 'netns', 'add', this.#full(name))
    this.#inside(name, 'ip', 'link', 'set', 'lo', 'up')
  }

  #inside(name: string, ...command: string[]): void {
    run(...this.commandIn(name), ...command)
  }

  #full(name: string): string {
    return `skald-${this.#tag}-${name}`
  }
}

function run(...command: string[]): void {
  const [file, ...rest] = command
  execFileSync(file!, rest, { stdio: ['ignore', 'ignore', 'pipe'] })
}
