/** A page of the author's own around what a notebook shows. */
import { InputError, describe } from '../../../../src/errors.js'
import { escapeHtml } from '../../../../src/show/clean.js'
import type { About } from './about.js'

const required = ['head', 'body'] as const

/** Fails before anything runs, not after an hour of training. */
export function checkTemplate(template: string, file: string): void {
  const missing = required.filter((name) => !template.includes(`{{${name}}}`))
  if (missing.length > 0)
    throw new InputError({
      where: '--template',
      received: `${describe(file)}, without ${missing.map((name) => `{{${name}}}`).join(' and ')}`,
      expected:
        'an HTML page with {{head}} within its head and {{body}} where the notebook goes; {{title}}, {{authors}}, {{date}} and {{description}} if they are wanted',
    })
}

/** Each name is filled once, so that what a notebook holds is never taken for one. */
export function fillTemplate(
  template: string,
  { head, body, about }: { head: string; body: string; about: About },
): string {
  const values: { [name: string]: string } = {
    head,
    body,
    title: escapeHtml(about.title),
    authors: escapeHtml(about.authors.join(', ')),
    date: escapeHtml(about.date ?? ''),
    description: escapeHtml(about.description ?? ''),
  }
  return template.replace(/\{\{(\w+)\}\}/g, (whole, name: string) => values[name] ?? whole)
}
