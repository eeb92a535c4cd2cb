import type { MimeBundle } from '../../../host.js'
import type { ChatTurn, ChatView } from '../../../views.js'
import { cleanText, safeHtml } from '../../clean.js'

const mostCharacters = 6_000

/**
 * A conversation as text that reads the same on any page: what each said under who it was. Nothing that a model writes is
 * markup.
 */
export function chatBundle(view: ChatView): MimeBundle {
  return { 'text/html': chatHtml(view), 'text/plain': chatText(view) }
}

export function chatHtml({ live, system, turns }: ChatView): string {
  const all = [...(system === undefined ? [] : [{ role: 'system', content: system }]), ...turns]
  const parts = all.map((turn, at) => turnHtml(turn, live && at === all.length - 1))
  return `<div>${parts.length > 0 ? parts.join('\n') : '<p><i>Nothing was said yet.</i></p>'}</div>`
}

function turnHtml(turn: ChatTurn, live: boolean): string {
  const isAnswer = turn.role === 'assistant'
  const place = isAnswer
    ? 'border-left:3px solid #3987e5; background:rgba(57,135,229,0.08)'
    : 'border-left:3px solid rgba(128,128,128,0.5)'
  const notes = notesOf(turn, live)
  const said = safeHtml(turn.content, mostCharacters).replaceAll('\n', '<br>')
  return `<div style="${place}; margin:6px 0; padding:4px 12px; max-width:46em; overflow-wrap:anywhere"><b>${safeHtml(turn.role, 40)}</b>${
    notes.length > 0 ? ` <small style="opacity:0.75">${safeHtml(notes.join(' · '))}</small>` : ''
  }<br><span dir="auto">${said}${live ? '▍' : ''}</span></div>`
}

/** What is to be known of a turn besides its words. */
function notesOf({ branch, rating, end, left }: ChatTurn, live: boolean): string[] {
  return [
    ...(branch ? [`${branch[0]} of ${branch[1]}`] : []),
    ...(rating ? [rating === 'up' ? 'rated good' : 'rated bad'] : []),
    ...(live ? [] : end === 'tokens' ? ['cut at the most tokens'] : end === 'stopped' ? ['stopped'] : []),
    ...(end === 'written' ? ['written by a person'] : []),
    ...(left ? [`without the first ${left} turns, which had no room`] : []),
  ]
}

function chatText({ live, system, turns }: ChatView): string {
  const all = [...(system === undefined ? [] : [{ role: 'system', content: system }]), ...turns]
  const lines = all.map((turn, at) => {
    const notes = notesOf(turn, live && at === all.length - 1)
    const who = `${cleanText(turn.role, 40)}${notes.length > 0 ? ` (${notes.join(', ')})` : ''}`
    return `${who}: ${cleanText(turn.content, mostCharacters)}`
  })
  return lines.length > 0 ? lines.join('\n') : '[a conversation in which nothing was said yet]'
}
