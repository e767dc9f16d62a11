"""/desk/tools: the desk where editors write: a bookmark that opens the panel, and how the panel is framed."""

from flask import Response, request, url_for

from service.desk.pages import looking, page, room
from service.parts import parts

tools_room = room("tools")
# What the bookmark does: it opens the panel of the page it is pressed on, by the address under which readers know that.
BOOKMARK = (
    "javascript:(()=>{{const c=document.querySelector('link[rel=canonical]');"
    "open('{panel}?url='+encodeURIComponent(c?c.href:location.href),'seealso','width=460,height=780')}})()"
)


@tools_room.get("/tools")
@looking
def tools() -> Response:
    """Show the bookmark and the frame, with this service's own address in them."""
    panel = request.url_root.rstrip("/") + url_for("desk_panel.panel")
    return page(
        "tools.html",
        bookmark=BOOKMARK.format(panel=panel),
        panel=panel,
        frames=parts().settings.desk_frames.split(),
        fetches=parts().settings.desk_fetch.split(),
    )
