/** The element of a component. The page must have it. */
export const element = (id: string): HTMLElement => {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page has no #${id}`);
  return found;
};

export const button = (label: string, onClick: () => void): HTMLButtonElement => {
  const created = document.createElement('button');
  created.textContent = label;
  created.addEventListener('click', onClick);
  return created;
};
