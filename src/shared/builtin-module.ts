interface Runtime {
  readonly process?: { readonly getBuiltinModule?: (name: string) => unknown };
}

/** A module of Node, without importing it. `undefined` on a runtime that has none, such as a browser. */
export const builtinModule = <Module>(name: string): Module | undefined =>
  (globalThis as Runtime).process?.getBuiltinModule?.(name) as Module | undefined;
