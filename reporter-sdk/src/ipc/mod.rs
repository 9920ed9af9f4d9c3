//! How product and handler talk: two sockets, a message a datagram.
