"""HTTP, TLS and sockets: what is asked over the network, and which connections a process holds."""
