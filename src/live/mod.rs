//! The live node: the same plugins over real sockets.
