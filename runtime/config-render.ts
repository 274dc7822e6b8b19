/** Prints a loaded configuration as the YAML that would load it, durations and sizes as one writes them. For `skald config check` and `GET /config`. */
import { stringify } from 'yaml'
import { leavesOf } from './config.ts'
import type { Group } from './config-schema.ts'

/** `changed`: only keys that differ from the built-in default; '' when there is none. */
export function renderConfig(schema: Group, loaded: unknown, which: 'all' | 'changed'): string {
  const tree: Record<string, unknown> = {}
  for (const { path, setting } of leavesOf(schema)) {
    const value = valueAt(loaded, path)
    if (which === 'all' || setting.show(value) !== setting.show(setting.default)) place(tree, path.split('.'), shown(setting.type, setting.show(value), value))
  }
  return Object.keys(tree).length === 0 ? '' : stringify(tree)
}

function shown(type: string, text: string, value: unknown): unknown {
  return type === 'duration' || type === 'size' ? text : value
}

function valueAt(tree: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((at, key) => (typeof at === 'object' && at !== null ? Reflect.get(at, key) : undefined), tree)
}

function place(tree: Record<string, unknown>, path: ReadonlyArray<string>, value: unknown): void {
  const [key = '', ...rest] = path
  if (rest.length === 0) tree[key] = value
  else {
    const inner = (tree[key] ??= {}) as Record<string, unknown>
    place(inner, rest, value)
  }
}
