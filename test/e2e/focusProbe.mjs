/**
 * Runs inside the panel's page: which controls there are, which one has the focus, and whether that can be seen.
 * `installFocusProbe` is sent over as text, so it uses nothing from outside itself.
 */

/**
 * @typedef {{ index: number, name: string, seen: boolean }} Focused
 * The control that has the focus: its place in the list, and whether its look differs from that without focus.
 * @typedef {{ name: string, byArrows: boolean }} Control `byArrows`: one of a group of which only the chosen one is a stop of Tab
 * @typedef {{ list(): Control[], focused(): Focused | "outside" | "elsewhere", clipped(): string[], moving(): string[] }} FocusProbe
 */

export function installFocusProbe() {
  const kinds =
    "vscode-button, vscode-checkbox, vscode-radio, vscode-dropdown, vscode-text-field, vscode-text-area, vscode-panel-tab, input, select, textarea, button, summary, a[href], [tabindex='0']";
  /** @type {Element[]} */
  let controls = [];
  /** @type {string[]} */
  let looks = [];

  const isShown = (element) =>
    element.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: true }) &&
    element.getBoundingClientRect().width > 0;
  const isDisabled = (element) => element.hasAttribute("disabled") || element.getAttribute("aria-disabled") === "true";
  const isUnchosen = (element) =>
    (element.role === "tab" && element.ariaSelected !== "true") ||
    (element.role === "radio" && element.ariaChecked !== "true");
  const nameOf = (element) =>
    `${element.localName}${element.id ? `#${element.id}` : ""} "${(element.getAttribute("aria-label") || element.textContent || "").trim().replace(/\s+/g, " ").slice(0, 40)}"`;

  /** What a ring of focus is made of, of the element and of everything it is built from. */
  function lookOf(element) {
    const parts = [element, ...(element.shadowRoot?.querySelectorAll("*") ?? [])];
    return parts
      .flatMap((part) =>
        [null, "::before", "::after"].map((pseudo) => {
          const { outlineStyle, outlineWidth, outlineColor, boxShadow, borderColor } = getComputedStyle(part, pseudo);
          return [
            outlineStyle === "none" ? "" : `${outlineStyle} ${outlineWidth} ${outlineColor}`,
            boxShadow,
            borderColor,
          ];
        }),
      )
      .join("|");
  }

  function focusedElement() {
    let found = document.activeElement;
    const path = [found];
    while (found?.shadowRoot?.activeElement) path.push((found = found.shadowRoot.activeElement));
    return path;
  }

  globalThis.focusProbe = {
    list() {
      if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
      controls = [...document.querySelectorAll(kinds)].filter((each) => isShown(each) && !isDisabled(each));
      looks = controls.map(lookOf);
      return controls.map((each) => ({ name: nameOf(each), byArrows: isUnchosen(each) }));
    },
    focused() {
      if (!document.hasFocus()) return "outside";
      const path = focusedElement();
      const index = controls.findLastIndex((each) => path.some((part) => part === each || each.contains(part)));
      if (index < 0) return "elsewhere";
      const control = controls[index];
      return { index, name: nameOf(control), seen: lookOf(control) !== looks[index] };
    },
    /** What lies partly outside the page, boxes with a scrollbar of their own left out; and the page when it scrolls sideways. */
    clipped() {
      const { scrollWidth, clientWidth } = document.documentElement;
      // The panel hides what hangs over its edge, so every element is looked at, not the page's width alone.
      const found = [...document.querySelectorAll(".tab *, [role=tab]")].filter((element) => {
        if (!isShown(element) || element.parentElement?.closest(".scroll, .visually-hidden")) return false;
        const { left, right } = element.getBoundingClientRect();
        return left < -0.5 || right > clientWidth + 0.5;
      });
      return [
        ...(scrollWidth > clientWidth ? [`the page is ${scrollWidth} wide in ${clientWidth}`] : []),
        ...found.map(nameOf),
      ];
    },
    /** Running animations and transitions, those inside of components, too. */
    moving() {
      const roots = [document, ...[...document.querySelectorAll("*")].flatMap(({ shadowRoot }) => shadowRoot ?? [])];
      return roots
        .flatMap((root) => root.getAnimations())
        .filter(({ playState }) => playState === "running")
        .map(({ effect, constructor }) => `${constructor.name} of ${nameOf(effect.target)}`);
    },
  };
}
