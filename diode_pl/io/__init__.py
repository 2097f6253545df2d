"""Files: atomic writes, images, COCO, safetensors."""
