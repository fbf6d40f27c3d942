mod protocol;
mod structs_hostile;
mod structs_properties;
mod structs_read;
mod structs_write;
mod wire;
