// The block in the editor: what readers will see, and at its side how it looks. No build step.
(function (wp) {
  const { createElement: h, Fragment } = wp.element;
  const { InspectorControls, useBlockProps } = wp.blockEditor;
  const { PanelBody, RangeControl, SelectControl, TextControl } = wp.components;
  const { __ } = wp.i18n;
  const Preview = wp.serverSideRender;

  function Edit({ attributes, setAttributes, context }) {
    const layouts = [
      { value: "", label: __("As in the settings", "seealso") },
      { value: "list", label: __("List", "seealso") },
      { value: "grid", label: __("Grid", "seealso") },
      { value: "compact", label: __("Compact", "seealso") },
      { value: "carousel", label: __("Carousel", "seealso") },
    ];
    const controls = h(
      PanelBody,
      { title: __("Look", "seealso") },
      h(SelectControl, {
        label: __("Layout", "seealso"),
        value: attributes.layout,
        options: layouts,
        onChange: (layout) => setAttributes({ layout }),
      }),
      h(RangeControl, {
        label: __("At most so many articles (0: as in the settings)", "seealso"),
        value: attributes.limit,
        min: 0,
        max: 50,
        onChange: (limit) => setAttributes({ limit }),
      }),
      h(SelectControl, {
        label: __("Level of the heading", "seealso"),
        value: String(attributes.heading),
        options: [0, 2, 3, 4, 5, 6].map((level) => ({
          value: String(level),
          label: level ? "H" + level : __("As in the settings", "seealso"),
        })),
        onChange: (level) => setAttributes({ heading: Number(level) }),
      }),
      h(TextControl, {
        label: __("Placement in seealso.toml", "seealso"),
        value: attributes.placement,
        onChange: (placement) => setAttributes({ placement }),
      }),
    );
    const nothing = () => h("p", null, __("Related articles stand here once the post is published.", "seealso"));
    return h(
      Fragment,
      null,
      h(InspectorControls, null, controls),
      h(
        "div",
        useBlockProps(),
        h(Preview, {
          block: "seealso/related",
          attributes,
          urlQueryArgs: { post_id: context.postId },
          EmptyResponsePlaceholder: nothing,
        }),
      ),
    );
  }

  wp.blocks.registerBlockType("seealso/related", { edit: Edit, save: () => null });
})(window.wp);
