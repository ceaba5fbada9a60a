/** dynalite has no types: as much as we call of it. */
declare module 'dynalite/actions/*' {
  const action: (
    store: unknown,
    data: Record<string, unknown>,
    callback: (error: unknown, result?: Record<string, unknown>) => void,
  ) => void;
  export default action;
}

declare module 'dynalite/validations/index.js' {
  const validations: {
    checkTypes(data: Record<string, unknown>, types: unknown): Record<string, unknown>;
    checkValidations(data: Record<string, unknown>, types: unknown, custom: unknown, store: unknown): void;
  };
  export default validations;
}

declare module 'dynalite/validations/*' {
  const rules: { types: unknown; custom?: unknown };
  export default rules;
}

declare module 'dynalite/db/index.js' {
  const db: {
    createKey(item: Record<string, unknown>, table: unknown, keySchema?: unknown): string;
    createIndexKey(item: Record<string, unknown>, table: unknown, keySchema: unknown): string;
    validateKey(key: Record<string, unknown>, table: unknown): unknown;
    getIndexActions(
      indexes: readonly unknown[],
      existing: unknown,
      item: unknown,
      table: unknown,
    ): { puts: { index: string; key: string; item: unknown }[] };
  };
  export default db;
}
