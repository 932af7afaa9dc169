select viewer, document from live.node_view order by viewer
