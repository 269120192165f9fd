"""A DDPM that draws bars, made with diffusers alone: nothing here knows of rdverify."""

import torch
from diffusers import DDPMPipeline, DDPMScheduler, UNet2DModel

torch.manual_seed(0)
unet = UNet2DModel(
    sample_size=8,
    in_channels=1,
    out_channels=1,
    layers_per_block=1,
    block_out_channels=(16, 16),
    norm_num_groups=4,
    down_block_types=("DownBlock2D", "DownBlock2D"),
    up_block_types=("UpBlock2D", "UpBlock2D"),
)
scheduler = DDPMScheduler(num_train_timesteps=100, beta_start=1e-3, beta_end=0.2)
adam = torch.optim.Adam(unet.parameters(), 2e-3)
for _ in range(300):
    at = torch.randint(8, (32,))
    bars = torch.full((32, 1, 8, 8), -1.0)
    bars[torch.arange(32), 0, :, at] = 1.0
    t, noise = torch.randint(100, (32,)), torch.randn(32, 1, 8, 8)
    loss = (unet(scheduler.add_noise(bars, noise, t), t).sample - noise).square().mean()
    adam.zero_grad()
    loss.backward()
    adam.step()
DDPMPipeline(unet, scheduler).save_pretrained("bars")
