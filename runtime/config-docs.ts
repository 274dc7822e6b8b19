/** Prints a schema as Markdown tables, so that the documentation of the configuration cannot drift. `docs/configuration.md` is made by it and tested to be current. */
import { environmentName, leavesOf } from './config.ts'
import { type Group, type Setting, isSetting } from './config-schema.ts'

/** One table per top-level group, single settings of the top level first. */
export function renderConfigDocs(schema: Group): string {
  const single = Object.entries(schema).filter(([, item]) => isSetting(item))
  const groups = Object.entries(schema).filter(([, item]) => !isSetting(item))
  return [['', Object.fromEntries(single)] as const, ...groups].map(([name, item]) => renderTable(name, isSetting(item) ? {} : item)).join('\n')
}

function renderTable(name: string, group: Group): string {
  const rows = leavesOf(group, name === '' ? '' : `${name}.`).map(({ path, setting }) => renderRow(path, setting))
  return [`## ${name === '' ? 'Top level' : `\`${name}\``}`, '', '| Key | Type | Default | Meaning |', '|---|---|---|---|', ...rows, ''].join('\n')
}

function renderRow(path: string, setting: Setting<unknown>): string {
  const shown = setting.show(setting.default).replaceAll('|', '\\|')
  return `| \`${path}\`<br>\`${environmentName(path)}\` | ${setting.type.replaceAll('|', '\\|')} | \`${shown === '' ? '""' : shown}\` | ${setting.doc}${setting.acts ? '' : ' *Accepted, without effect.*'} |`
}
