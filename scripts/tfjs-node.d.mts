export function buildTfjsNode(
  folder: string,
  options?: { python?: string; say?: (what: string) => void },
): string
