import { LabIcon } from '@jupyterlab/ui-components'

/** A loss that falls, in steps. */
export const icon = new LabIcon({
  name: 'gradbook:run',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <path class="jp-icon3" fill="#616161" d="M3 3h2v16h16v2H3z"/>
  <path fill="none" stroke="#0072b2" stroke-width="2.2" stroke-linejoin="round" stroke-linecap="round" d="M7.5 5.5l3.2 6 3-1.6 2.6 4.3 4.2 1.6"/>
  <circle cx="13.7" cy="9.9" r="1.9" fill="#d55e00"/>
</svg>`,
})
