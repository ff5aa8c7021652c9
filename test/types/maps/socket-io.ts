import type { Socket } from 'socket.io-client';
export type Events = { connect: Socket; connect_error: Error; disconnect: Socket.DisconnectReason };
