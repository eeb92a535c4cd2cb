/** The `model` of a `tokenizer.json` whose tokens are bytes and merges of them, in Hugging Face's layout. */
export const bpeModel = (
  vocab: { readonly [letters: string]: number },
  merges: readonly (readonly string[])[],
  { ignoreMerges = false } = {},
): object => ({
  type: 'BPE',
  dropout: null,
  unk_token: null,
  continuing_subword_prefix: null,
  end_of_word_suffix: null,
  fuse_unk: false,
  byte_fallback: false,
  ignore_merges: ignoreMerges,
  vocab,
  merges,
})
