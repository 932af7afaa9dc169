select v.number, v.product, v.schema, v.sends, v.takes, n.host, n.port
from live.node_version v join live.node n on n.number = v.number and n.state <> 'removed'
