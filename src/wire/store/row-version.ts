/** Version of every row's encoding. One that means something else gets another number. */
export const ROW_VERSION = 1;
